"""Builds Emscripten's libraries for wasm64, which Debian has packaged for wasm32 alone.

Of each library only the source files that heed links, because all of them take five times as long. They go where emcc looks for the
whole libraries, so this is for a private copy of Emscripten.

    python3 wide_libraries.py <Emscripten's folder> <list>

The list: libraries, and on the indented lines behind each the names of its source files, without their endings; "#" is
a comment.
"""

import sys
from pathlib import Path

root, listed = sys.argv[1:]
sys.path.insert(0, root)

from tools import cache, shared, system_libs  # noqa: E402
from tools.settings import settings  # noqa: E402

wanted = {}
for line in Path(listed).read_text().splitlines():
    if line.startswith("  "):
        wanted[name].update(line.split())
    elif line and not line.startswith("#"):
        name = line
        wanted[name] = set()

cache.setup()
shared.check_sanity()
settings.MEMORY64 = 1
libraries = system_libs.Library.get_all_variations()
for name, stems in wanted.items():
    library = libraries[name]
    chosen = [file for file in library.get_files() if Path(file).stem in stems]
    missing = stems - {Path(file).stem for file in chosen}
    if missing:
        sys.exit(f"{name} has no {', '.join(sorted(missing))}")
    library.get_files = lambda chosen=chosen: chosen
    library.erase()
    library.build(deterministic_paths=True)
