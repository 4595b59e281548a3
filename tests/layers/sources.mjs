// The sources of the project as text, for rules that read them.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const skipped = new Set(["node_modules", ".git", ".toolchain", "build", "dist"]);

/** Files below `folders` (relative to the root) whose name matches: `{ path, text }`, path relative to the root. */
export function sources(folders, pattern) {
  return folders.flatMap((folder) => {
    const full = join(root, folder);
    if (!existsSync(full)) return [];
    return walk(full)
      .filter((file) => pattern.test(file))
      .map((file) => ({ path: relative(root, file), text: readFileSync(file, "utf8") }));
  });
}

function walk(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return skipped.has(entry.name) && !path.includes(".ci") ? [] : walk(path);
    return entry.isFile() ? [path] : [];
  });
}

/** The text with comments blanked, line numbers kept. Good enough for words; not a parser. */
export function withoutComments(text) {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, " "))
    .replace(/(^|[^:"'`\\])\/\/.*$/gm, "$1");
}

/** "path:line: text" for every line of the files that matches. */
export function linesMatching(files, pattern, { comments = true } = {}) {
  return files.flatMap(({ path, text }) =>
    (comments ? text : withoutComments(text))
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
  );
}
