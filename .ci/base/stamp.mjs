// Stamps: "this step was done with exactly these inputs". Written last, so an aborted step has none.

import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Short digest of any JSON value. */
export const keyOf = (inputs) => createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 32);

export function isStamped(file, key) {
  try {
    return readFileSync(file, "utf8") === key;
  } catch {
    return false;
  }
}

export function stamp(file, key) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, key);
}
