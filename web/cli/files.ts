/** Files by slices, for the readers of the package; and what the system says when it has none. */
import { open, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { openSharded, openSingle, type ByteSource, type Checkpoint } from "heed/safetensors";

import { CommandError } from "./command.js";

/** "no such file", in words. */
function failure(path: string, error: unknown): CommandError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words: Record<string, string> = {
    ENOENT: "there is no such file",
    EACCES: "it may not be read",
    EISDIR: "it is a folder",
  };
  return new CommandError(`${path}: ${words[code] ?? String(error)}`);
}

/** A file as a source of bytes; it stays open as long as the program runs. @throws {CommandError} */
export async function fileSource(path: string): Promise<ByteSource> {
  try {
    const file = await open(path);
    const { size } = await file.stat();
    const read = async (from: number, to: number) => {
      const bytes = new Uint8Array(to - from);
      let filled = 0;
      // A read may stop early; none at all is the end of the file.
      for (let got = -1; filled < bytes.length && got !== 0; filled += got) {
        got = (await file.read(bytes, filled, bytes.length - filled, from + filled)).bytesRead;
      }
      return bytes.subarray(0, filled);
    };
    return { name: basename(path), size, read };
  } catch (error) {
    throw failure(path, error);
  }
}

/** A JSON file. @throws {CommandError} */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw failure(path, error);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CommandError(`${path} is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Whether there is something at that path. */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** A .safetensors file, an index, or the folder of a model. @throws {CommandError} */
export async function openCheckpoint(path: string): Promise<{ checkpoint: Checkpoint; folder: string }> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw failure(path, error);
    },
  );
  const inFolder = ["model.safetensors", "model.safetensors.index.json"].map((name) => join(path, name));
  let file = path;
  if (isFolder) {
    const found = (await exists(inFolder[0] as string)) ? inFolder[0] : inFolder[1];
    if (found === undefined || !(await exists(found))) {
      throw new CommandError(`${path} has neither model.safetensors nor model.safetensors.index.json`);
    }
    file = found;
  }
  const folder = dirname(file);
  const source = await fileSource(file);
  const checkpoint = file.endsWith(".json")
    ? await openSharded(source, (name) => fileSource(join(folder, name)))
    : await openSingle(source);
  return { checkpoint, folder };
}
