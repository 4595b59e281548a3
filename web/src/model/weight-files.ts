/**
 * The weights of a model in one or several safetensors files, with or without an index: every tensor that the config
 * asks for, once, with the shape that it asks for, and nothing else.
 */
import { HeedError } from "../errors.js";
import type { ByteSource } from "./byte-source.js";
import { isIndex, weightMap } from "./checkpoint.js";
import type { DecoderConfig } from "./config.js";
import { expectedTensors, isNeedless, type ExpectedTensor } from "./expected-tensors.js";
import { openSafetensors, type Safetensors } from "./safetensors.js";
import type { TensorEntry, TensorType } from "./safetensors-header.js";

/** Types of numbers that weights come in, with the bytes of one. */
export const weightTypes = { F32: 4, F16: 2, BF16: 2, I8: 1 } as const satisfies Partial<Record<TensorType, number>>;
export type WeightType = keyof typeof weightTypes;

/** One tensor of the model, where it lies. */
export interface WeightPlace extends ExpectedTensor {
  readonly name: string;
  readonly source: ByteSource;
  readonly type: WeightType;
  /** First byte in the source. */
  readonly from: number;
  /** Of I8: (rows) F32, what a row's levels are multiplied with. */
  readonly scales: { readonly source: ByteSource; readonly from: number } | undefined;
}

/** What a file adds to the name of an I8 tensor for its scales. */
export const scaleSuffix = ".scale";

/** Names in a message: a few of them, and how many there are. */
function listed(names: readonly string[]): string {
  const few = names.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 120)));
  return names.length > few.length ? `${few.join(", ")} and ${names.length - few.length} more` : few.join(", ");
}

function refuse(message: string): never {
  throw new HeedError("invalid-argument", message);
}

interface Found {
  file: Safetensors;
  entry: TensorEntry;
}

/** All tensors of all files. @throws {HeedError} `invalid-argument` for one that is there twice */
function union(files: readonly Safetensors[]): Map<string, Found> {
  const all = new Map<string, Found>();
  for (const file of files) {
    for (const [name, entry] of file.tensors) {
      const first = all.get(name);
      if (first) refuse(`${listed([name])} is in ${first.file.source.name} and also in ${file.source.name}`);
      all.set(name, { file, entry });
    }
  }
  return all;
}

/** An index and the files that came with it must tell the same. */
function checkIndex(index: string, map: ReadonlyMap<string, string>, all: ReadonlyMap<string, Found>): void {
  for (const [tensor, file] of map) {
    const found = all.get(tensor);
    if (!found) refuse(`${index} puts ${listed([tensor])} into ${file}, but no file that was given has it`);
    const { name } = found.file.source;
    // Bytes have no name of their own.
    if (/\.safetensors$/.test(name) && name !== file) {
      refuse(`${index} puts ${listed([tensor])} into ${file}, but it is in ${name}`);
    }
  }
  const unlisted = [...all.keys()].filter((name) => !map.has(name));
  if (unlisted.length > 0) refuse(`${index} does not list ${listed(unlisted)}, which the files have`);
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.slice(0, 8).join(", ")}]`;
}

function checkShape(name: string, { file, entry }: Found, { rows, columns, role }: ExpectedTensor): void {
  const wanted = role === "vector" ? [columns] : [rows, columns];
  if (entry.shape.length === wanted.length && wanted.every((size, axis) => entry.shape[axis] === size)) return;
  throw new HeedError(
    "shape-mismatch",
    `${name} of ${file.source.name} has the shape ${shapeText(entry.shape)}; the config asks for ${shapeText(wanted)}`,
  );
}

function scalesOf(name: string, rows: number, all: ReadonlyMap<string, Found>): WeightPlace["scales"] {
  const scaleName = name + scaleSuffix;
  const found = all.get(scaleName);
  if (!found) refuse(`${name} holds I8 levels, but there is no ${scaleName} with the scale of each row`);
  const { dtype, shape, from } = found.entry;
  if (dtype !== "F32" || shape.length !== 1 || shape[0] !== rows) {
    throw new HeedError(
      "shape-mismatch",
      `${scaleName} of ${found.file.source.name} is ${shapeText(shape)} of ${dtype}; [${rows}] of F32 is needed`,
    );
  }
  return { source: found.file.source, from };
}

function placeOf(name: string, expected: ExpectedTensor, all: ReadonlyMap<string, Found>): WeightPlace {
  const found = all.get(name) as Found;
  const { entry, file } = found;
  checkShape(name, found, expected);
  const { dtype } = entry;
  const known = Object.keys(weightTypes);
  if (!known.includes(dtype) || (dtype === "I8" && expected.role === "vector")) {
    const scaled = expected.role === "vector" ? "" : ", I8 with scales";
    throw new HeedError(
      "unsupported",
      `${name} of ${file.source.name} holds ${dtype}; F32, F16${scaled} ` + "and BF16 are read",
    );
  }
  const scales = dtype === "I8" ? scalesOf(name, expected.rows, all) : undefined;
  return { name, ...expected, source: file.source, type: dtype as WeightType, from: entry.from, scales };
}

/** Files first and then the index, which may come anywhere among them. */
async function openAll(sources: readonly ByteSource[]) {
  const files: Safetensors[] = [];
  let index: { name: string; map: ReadonlyMap<string, string> } | undefined;
  for (const source of sources) {
    if (!(await isIndex(source))) {
      files.push(await openSafetensors(source));
    } else if (index) {
      refuse(`weights have two indexes, ${index.name} and ${source.name}; one is needed at most`);
    } else {
      index = { name: source.name, map: await weightMap(source) };
    }
  }
  return { files, index };
}

/**
 * Where each tensor of the model lies, in an order in which every file is read from its start to its end.
 *
 * @throws {HeedError} `invalid-argument` for files that are broken, and for tensors that are missing, too many or there
 * twice; `shape-mismatch`, `unsupported`
 */
export async function placeWeights(config: DecoderConfig, sources: readonly ByteSource[]): Promise<WeightPlace[]> {
  if (sources.length === 0) refuse("weights are an empty array; at least one safetensors file is needed");
  const { files, index } = await openAll(sources);
  if (files.length === 0) refuse(`weights have only the index ${index?.name}; its files are needed too`);
  const all = union(files);
  if (index) checkIndex(index.name, index.map, all);

  const expected = expectedTensors(config);
  const missing = [...expected.keys()].filter((name) => !all.has(name));
  if (missing.length > 0) refuse(`the weights lack ${listed(missing)}, which the config asks for`);
  const isScale = (name: string) =>
    name.endsWith(scaleSuffix) && all.get(name.slice(0, -scaleSuffix.length))?.entry.dtype === "I8";
  const extra = [...all.keys()].filter((name) => !expected.has(name) && !isNeedless(name, config) && !isScale(name));
  if (extra.length > 0) refuse(`the weights have ${listed(extra)}, which the config has no place for`);

  const order = new Map(files.map(({ source }, at) => [source, at]));
  const at = ({ source }: WeightPlace) => order.get(source) as number;
  return [...expected]
    .map(([name, tensor]) => placeOf(name, tensor, all))
    .sort((a, b) => at(a) - at(b) || a.from - b.from);
}
