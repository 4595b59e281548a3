/** A file on disk, read by slices. */
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { HeedError, reasonOf } from "../errors.js";
import type { ByteSource } from "../model/byte-source.js";

/** @throws {HeedError} `load-failed` for a file that is not there or may not be read */
export async function nodeSource(path: string | URL): Promise<ByteSource> {
  const file = typeof path === "string" ? path : fileURLToPath(path);
  try {
    const handle = await open(file);
    const found = await handle.stat();
    if (!found.isFile()) {
      await handle.close();
      throw new HeedError("load-failed", `${file} is no file`);
    }
    return {
      name: basename(file),
      size: found.size,
      async read(from, to) {
        const bytes = new Uint8Array(to - from);
        let filled = 0;
        // A read may stop early; none at all is the end of the file.
        for (let got = -1; filled < bytes.length && got !== 0; filled += got) {
          got = (await handle.read(bytes, filled, bytes.length - filled, from + filled)).bytesRead;
        }
        return bytes.subarray(0, filled);
      },
      beside: (name) => nodeSource(join(dirname(file), name)),
      close: () => handle.close(),
    };
  } catch (error) {
    if (error instanceof HeedError) throw error;
    throw new HeedError("load-failed", `${file} could not be read: ${reasonOf(error)}`, { cause: error });
  }
}
