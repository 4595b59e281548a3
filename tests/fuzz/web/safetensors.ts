/**
 * Target "safetensors": files of tensors, and indexes of several files, right and spoiled. A file is refused, or its
 * tensors tile it, and their numbers are what a second reader makes of the same bytes.
 */
import { byteSource, openSafetensors, openSharded, type Safetensors } from "heed/safetensors";

import { Mutator } from "../../web/support/mutator.js";
import { f32, fileOf, type MadeTensor } from "../../web/support/safetensors.js";
import { modelFile, tinyModel } from "../../web/support/tiny-model.js";
import type { Bytes } from "./bytes.js";
import { fuzz } from "./driver.js";
import { expect, expectRefusal } from "./refusals.js";

const tensor = (dtype: string, shape: number[], bytes: number): MadeTensor => {
  return { dtype, shape, bytes: Uint8Array.from({ length: bytes }, (_, i) => 37 * i) };
};

const right = [
  fileOf({}),
  fileOf({ a: f32([2, 3], [0, -0, 1.5, NaN, Infinity, -1e-45]), b: f32([], [7]), empty: f32([0, 4], []) }),
  fileOf({ h: tensor("F16", [3, 4], 24), b: tensor("BF16", [2, 2, 2], 16), i: tensor("I8", [5], 5) }),
  fileOf({ w: tensor("F64", [2], 16), "": tensor("BOOL", [1], 1), constructor: tensor("U8", [2, 1], 2) }),
  modelFile(tinyModel({ num_hidden_layers: 1 })),
];

const index = {
  metadata: { total_size: 64 },
  weight_map: { a: "model-1.safetensors", b: "model-1.safetensors", empty: "model-1.safetensors", h: "h.safetensors" },
};

/** IEEE and brain halves, from their definition. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction / 2 ** 24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function numberAt(view: DataView, dtype: string, i: number): number {
  if (dtype === "F32") return view.getFloat32(4 * i, true);
  if (dtype === "F16") return half(view.getUint16(2 * i, true));
  const single = new DataView(new ArrayBuffer(4));
  single.setUint16(2, view.getUint16(2 * i, true), true);
  return single.getFloat32(0, true);
}

async function refusedOr<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    expectRefusal(error);
    return undefined;
  }
}

async function checkTensor(file: Safetensors, name: string, bytes: Bytes): Promise<void> {
  const { dtype, shape, length, from, to } = file.entry(name);
  const raw = await file.bytes(name);
  expect(raw.length === to - from, `${name} has ${raw.length} bytes of ${to - from}`);
  expect(shape.reduce((product, size) => product * size, 1) === length, `${name} has not the length of its shape`);
  const rows = shape[0] ?? 1;
  const [first, end] = [bytes.below(Math.min(rows, 1000) + 2), bytes.below(Math.min(rows, 1000) + 2)];
  const part = await refusedOr(() => file.numbers(name, first, end));
  const whole = await refusedOr(() => file.numbers(name));
  expect((whole !== undefined) === ["F32", "F16", "BF16"].includes(dtype), `numbers of ${dtype}`);
  if (whole === undefined) return expect(part === undefined, "a part of what cannot be read");
  expect(whole.length === length, `${name} has ${whole.length} numbers of ${length}`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let i = 0; i < length; ++i) {
    const expected = numberAt(view, dtype, i);
    expect(Object.is(whole[i], expected), `${name}[${i}] is ${whole[i]}, not ${expected}`);
  }
  expect((part !== undefined) === (first <= end && end <= rows), `rows ${first} to ${end} of ${rows}`);
  if (part === undefined || rows === 0) return;
  const row = length / rows;
  expect(part.length === row * (end - first), "a part has another length");
  expect(
    part.every((x, i) => Object.is(x, whole[row * first + i])),
    "a part has other numbers",
  );
}

async function checkFile(file: Safetensors, size: number, header: number, bytes: Bytes): Promise<void> {
  const entries = [...file.tensors.values()];
  const covered = entries.reduce((sum, { from, to }) => sum + to - from, 0);
  expect(covered === size - header, `tensors cover ${covered} bytes of ${size - header}`);
  expect(
    entries.every(({ from, to }) => from >= header && from <= to && to <= size),
    "a tensor outside of its file",
  );
  // The names of few of them, so that large files are not read again and again.
  for (const name of [...file.tensors.keys()].slice(0, 6)) await checkTensor(file, name, bytes);
  await refusedOr(() => file.numbers("there is none"));
}

function spoil(bytes: Bytes): Uint8Array<ArrayBuffer> {
  const mutator = new Mutator(bytes);
  const kind = bytes.below(4);
  let file = bytes.pick(right);
  if (kind === 0) {
    // The header is the input's own text, with a right length before it.
    const text = bytes.take();
    file = new Uint8Array(8 + text.length);
    new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
    file.set(text, 8);
    return file;
  }
  if (kind === 1) return bytes.take();
  for (let changes = bytes.below(3); changes > 0; --changes) {
    if (changes === 1 && kind === 2) file = mutator.bytes(file);
    else if (file !== right[0]) file = mutator.header(file);
  }
  return file;
}

async function shards(bytes: Bytes): Promise<void> {
  const mutator = new Mutator(bytes);
  const whole = bytes.flag() ? index : mutator.json(index);
  let text = new TextEncoder().encode(JSON.stringify(whole));
  if (bytes.below(3) === 0) text = mutator.bytes(text);
  const asked: string[] = [];
  const checkpoint = await refusedOr(() =>
    openSharded(byteSource("model.safetensors.index.json", text), async (name) => {
      asked.push(name);
      return byteSource(name, name.startsWith("h") ? right[2]! : right[1]!);
    }),
  );
  for (const name of checkpoint?.names.slice(0, 20) ?? []) await refusedOr(() => checkpoint!.file(name));
  expect(
    asked.every((name) => /^[\w.-]+\.safetensors$/.test(name) && !name.startsWith(".")),
    `a file outside: ${asked.join()}`,
  );
}

await fuzz({
  maxLength: 4096,
  async run(bytes) {
    if (bytes.below(5) === 0) return shards(bytes);
    const data = spoil(bytes);
    const file = await refusedOr(() => openSafetensors(byteSource("some.safetensors", data)));
    if (file === undefined) return;
    const header = 8 + Number(new DataView(data.buffer, data.byteOffset).getBigUint64(0, true));
    await checkFile(file, data.length, header, bytes);
  },
});
