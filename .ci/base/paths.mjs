// Where things are. Everything is derived from this file's own place, so a clone works wherever it lies.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Private copies of compiler and Node: ignored by git, safe to delete. */
export const toolchain = join(root, ".toolchain");

export const fromRoot = (...parts) => join(root, ...parts);
export const fromToolchain = (...parts) => join(toolchain, ...parts);
