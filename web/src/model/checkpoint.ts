/**
 * The weights of a model as Hugging Face stores them: one safetensors file, or several with an index that says which
 * tensor lies in which. Files are opened when a tensor of theirs is asked for.
 */
import { HeedError, reasonOf } from "../errors.js";
import { shown } from "../check/names.js";
import { readExactly, type ByteSource } from "./byte-source.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";

/** Gives the file of that name beside the index. */
export type OpenFile = (name: string) => Promise<ByteSource>;

/** Tensors by name, wherever they lie. */
export interface Checkpoint {
  /** Of all tensors. */
  readonly names: readonly string[];
  /** The file that holds a tensor. @throws {HeedError} `invalid-argument` when there is none of that name */
  file(tensor: string): Promise<Safetensors>;
}

/** Chosen: the index of a model of 10,000 tensors has about a megabyte. */
const largestIndex = 100_000_000;

function refuse(message: string): never {
  throw new HeedError("invalid-argument", message);
}

/** Whether a source is an index and no safetensors file: those begin with a length, of which the last bytes are 0. */
export async function isIndex(source: ByteSource): Promise<boolean> {
  if (source.name.endsWith(".json")) return true;
  const start = await readExactly(source, 0, Math.min(8, source.size));
  return start[0] === 0x7b && !start.includes(0);
}

/** From tensors to the names of files. @throws {HeedError} `invalid-argument` */
export async function weightMap(index: ByteSource): Promise<Map<string, string>> {
  if (index.size > largestIndex) refuse(`${index.name} has ${index.size} bytes; at most ${largestIndex} are read`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(await readExactly(index, 0, index.size)));
  } catch (error) {
    refuse(`${index.name} is no JSON: ${reasonOf(error)}`);
  }
  const map: unknown = Object(parsed)["weight_map"];
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    refuse(`weight_map of ${index.name} is ${shown(map)}; an object from tensors to files is needed`);
  }
  const entries = Object.entries(map as Record<string, unknown>).map(([tensor, file]): [string, string] => {
    // The name of a file beside the index, never a way out of its folder.
    if (typeof file === "string" && /^[\w][\w.-]*\.safetensors$/.test(file)) return [tensor, file];
    return refuse(
      `${index.name} puts ${JSON.stringify(tensor)} into ${shown(file)}; the name of a .safetensors is needed`,
    );
  });
  return new Map(entries);
}

/** One file. @throws {HeedError} `invalid-argument` */
export async function openSingle(source: ByteSource): Promise<Checkpoint> {
  const file = await openSafetensors(source);
  return { names: [...file.tensors.keys()], file: async (tensor) => (file.entry(tensor), file) };
}

/** Several files, by their index (`model.safetensors.index.json`). @throws {HeedError} `invalid-argument` */
export async function openSharded(index: ByteSource, open: OpenFile): Promise<Checkpoint> {
  const files = await weightMap(index);
  const opened = new Map<string, Promise<Safetensors>>();
  return {
    names: [...files.keys()],
    async file(tensor) {
      const name = files.get(tensor) ?? refuse(`${index.name} has no tensor ${JSON.stringify(tensor)}`);
      let file = opened.get(name);
      if (!file) opened.set(name, (file = open(name).then(openSafetensors)));
      const safetensors = await file;
      safetensors.entry(tensor);
      return safetensors;
    },
  };
}
