// Files that bundlers copy instead of bundling them: web/src/platforms/import-copied.ts.

import { readFileSync } from "node:fs";

import { fromRoot } from "../base/paths.mjs";

const { version } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));

/** A line that keeps `value`, a default export, where importCopied looks for it when there are no exports. */
export const keep = (name, value) => `(globalThis[Symbol.for("heed ${version}")]??={})["${name}"]=${value};`;
