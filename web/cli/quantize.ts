/**
 * `heed quantize`: the matrices of a model as bytes, a quarter of f32 and half of f16.
 *
 * A row w becomes levels q = round(w / scale), scale = max |w| / 127, so that an element is off by at most scale / 2.
 * One scale per row, because a row is what is multiplied with an input: its sum is scaled once at the end.
 */
import { copyFile, mkdir, open, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { Checkpoint, TensorEntry } from "heed/safetensors";

import { CommandError, UsageError, type Command } from "./command.js";
import { exists, openCheckpoint } from "./files.js";

const usage = `usage: heed quantize PATH --to FOLDER [--part BYTES]

Writes a model with its matrices as bytes: I8 tensors with a scale for each row, (rows) F32 named NAME.scale; vectors
become F32. PATH is a .safetensors file, a model.safetensors.index.json, or the folder of a model, whose configuration
and tokenizer are copied. heed.Decoder loads the result; heed eval says what it costs.

  --to FOLDER   made when it is not there; files in it are replaced
  --part BYTES  the most that a file may have; default: 24000000, because some hosts refuse 25 MB`;

/** Copied when they are there. */
const companions = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"] as const;

/** Levels reach from -127 to 127. */
const top = 127;
/** Rows are read so many numbers at a time. */
const numbersAtOnce = 2 ** 22;

/** A tensor of the result; what it is made of is read when its turn comes. */
interface Made {
  name: string;
  dtype: "I8" | "F32";
  shape: readonly number[];
  bytes: number;
  write(file: FileHandle): Promise<void>;
}

/** (rows, columns) numbers to levels and scales. */
export function quantizeRows(numbers: Float32Array, columns: number): { levels: Int8Array; scales: Float32Array } {
  const rows = columns === 0 ? 0 : numbers.length / columns;
  const levels = new Int8Array(numbers.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; ++row) {
    const from = row * columns;
    let largest = 0;
    for (let i = from; i < from + columns; ++i) largest = Math.max(largest, Math.abs(numbers[i] as number));
    // The scale as it will be read: levels are rounded against that one.
    const scale = Math.fround(largest / top);
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = from; i < from + columns; ++i) {
      levels[i] = Math.max(-top, Math.min(top, Math.round((numbers[i] as number) / scale)));
    }
  }
  return { levels, scales };
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

function checkFinite(name: string, numbers: Float32Array): void {
  const at = numbers.findIndex((number) => number - number !== 0);
  if (at >= 0) throw new CommandError(`${name} holds ${numbers[at]}; finite numbers are needed`);
}

/** A matrix in two tensors, the scales first: they are needed when the levels are read. */
function matrix(checkpoint: Checkpoint, name: string, { shape }: TensorEntry): Made[] {
  const [rows, columns] = shape as [number, number];
  let scales = new Float32Array();
  let levels = new Int8Array();
  const convert = async () => {
    scales = new Float32Array(rows);
    levels = new Int8Array(rows * columns);
    const file = await checkpoint.file(name);
    const atOnce = Math.max(1, Math.floor(numbersAtOnce / columns));
    for (let first = 0; first < rows; first += atOnce) {
      const numbers = await file.numbers(name, first, Math.min(rows, first + atOnce));
      checkFinite(name, numbers);
      const part = quantizeRows(numbers, columns);
      levels.set(part.levels, first * columns);
      scales.set(part.scales, first);
    }
  };
  const writeScales = async (file: FileHandle) => {
    await convert();
    await file.write(bytesOf(scales));
  };
  const writeLevels = async (file: FileHandle) => {
    await file.write(bytesOf(levels));
    levels = new Int8Array();
  };
  return [
    { name: `${name}.scale`, dtype: "F32", shape: [rows], bytes: rows * 4, write: writeScales },
    { name, dtype: "I8", shape, bytes: rows * columns, write: writeLevels },
  ];
}

function vector(checkpoint: Checkpoint, name: string, { shape, length }: TensorEntry): Made[] {
  const write = async (file: FileHandle) => {
    const numbers = await (await checkpoint.file(name)).numbers(name);
    checkFinite(name, numbers);
    await file.write(bytesOf(numbers));
  };
  return [{ name, dtype: "F32", shape, bytes: length * 4, write }];
}

/** Tensors in files of at most `limit` bytes; a matrix and its scales stay together. */
function share(groups: readonly Made[][], limit: number): Made[][] {
  const files: Made[][] = [];
  let room = 0;
  for (const group of groups) {
    const bytes = group.reduce((sum, tensor) => sum + tensor.bytes, 0);
    if (bytes > room || files.length === 0) {
      files.push([]);
      // The header takes its part too; its lines have some 120 bytes.
      room = limit - 1000;
    }
    room -= bytes + 150 * group.length;
    files.at(-1)?.push(...group);
  }
  return files;
}

/** Returns how many bytes it has. */
async function writeFileOf(path: string, tensors: readonly Made[]): Promise<number> {
  let offset = 0;
  const entries = tensors.map(({ name, dtype, shape, bytes }) => {
    const entry = { dtype, shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
    return [name, entry] as const;
  });
  const text = JSON.stringify({ __metadata__: { format: "pt", levels: "row" }, ...Object.fromEntries(entries) });
  const header = new TextEncoder().encode(text.padEnd(Math.ceil(text.length / 8) * 8));
  const prefix = new Uint8Array(8);
  new DataView(prefix.buffer).setBigUint64(0, BigInt(header.length), true);
  const file = await open(path, "w");
  try {
    await file.write(prefix);
    await file.write(header);
    for (const { write } of tensors) await write(file);
  } finally {
    await file.close();
  }
  return 8 + header.length + offset;
}

async function groupsOf(checkpoint: Checkpoint): Promise<Made[][]> {
  const groups: Made[][] = [];
  for (const name of checkpoint.names) {
    const entry = (await checkpoint.file(name)).entry(name);
    groups.push((entry.shape.length === 2 ? matrix : vector)(checkpoint, name, entry));
  }
  return groups;
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { to: { type: "string" }, part: { type: "string", default: "24000000" } },
  });
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0) throw new UsageError("heed quantize takes one path");
  if (values.to === undefined) throw new UsageError("--to is missing; the folder for the result is needed");
  const part = Number(values.part);
  if (!Number.isSafeInteger(part) || part < 10_000) {
    throw new UsageError(`--part is "${values.part}"; an integer of at least 10000 is needed`);
  }
  return { path, to: values.to, part };
}

/** The subcommand. */
export const quantize: Command = {
  summary: "writes a model with its matrices as bytes",
  usage,
  async run(args) {
    const { path, to, part } = parse(args);
    const { checkpoint, folder } = await openCheckpoint(path);
    const groups = await groupsOf(checkpoint);
    await mkdir(to, { recursive: true });
    const files = share(groups, part);
    const weightMap: Record<string, string> = {};
    let total = 0;
    for (const [i, tensors] of files.entries()) {
      const number = (n: number) => String(n).padStart(5, "0");
      const name =
        files.length === 1 ? "model.safetensors" : `model-${number(i + 1)}-of-${number(files.length)}.safetensors`;
      for (const tensor of tensors) weightMap[tensor.name] = name;
      const bytes = await writeFileOf(join(to, name), tensors);
      if (bytes > part) process.stderr.write(`heed: ${name} has ${bytes} bytes: one tensor alone exceeds --part\n`);
      total += bytes;
      process.stdout.write(`${name}  ${bytes} bytes\n`);
    }
    if (files.length > 1) {
      const index = { metadata: { total_size: total }, weight_map: weightMap };
      await writeFile(join(to, "model.safetensors.index.json"), `${JSON.stringify(index, undefined, 1)}\n`);
    }
    for (const name of companions) {
      if (await exists(join(folder, name))) await copyFile(join(folder, name), join(to, name));
    }
  },
};
