// Files as values: digests of folders, and writing only what changed (so that nothing downstream rebuilds for nothing).

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** All files below `folder`, sorted; folders whose name is in `skip` are left out. A missing folder has none. */
export function filesBelow(folder, { skip = ["node_modules"] } = {}) {
  if (!existsSync(folder)) return [];
  if (!statSync(folder).isDirectory()) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => !skip.includes(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path, { skip }) : [path];
    });
}

/** Digest of the names and contents of files and folders. */
export function digestOf(...paths) {
  const hash = createHash("sha256");
  for (const file of paths.flatMap((path) => filesBelow(path))) {
    hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Writes `content` unless the file holds exactly that already. */
export function writeIfChanged(file, content) {
  const bytes = Buffer.from(content);
  if (existsSync(file) && readFileSync(file).equals(bytes)) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
}

/** Removes the files below `folder` that are not in `wanted`: what an earlier version of a step has written. */
export function removeOthers(folder, wanted) {
  for (const file of filesBelow(folder)) if (!wanted.includes(file)) rmSync(file);
}
