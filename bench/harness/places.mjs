// Where things are, derived from this file's own place.

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of this benchmark. */
export const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/** The root of the repository. */
export const root = dirname(bench);

export const fromBench = (...parts) => join(bench, ...parts);
export const fromRoot = (...parts) => join(root, ...parts);
