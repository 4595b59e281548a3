/** The reader of model files: what it reads, and that it believes no file. */
import {
  byteSource,
  openSafetensors,
  openSharded,
  openSingle,
  widenBfloat,
  widenHalf,
  type ByteSource,
} from "heed/safetensors";
import { describe, expect, test } from "vitest";

import { f32, fileOf, fileWith } from "../support/safetensors.js";

const open = (bytes: Uint8Array<ArrayBuffer>) => openSafetensors(byteSource("the file", bytes));
const entry = (dtype: string, shape: unknown, data_offsets: unknown) => ({ dtype, shape, data_offsets });

describe("reading", () => {
  const file = fileOf({
    wide: f32([3, 2], [1, 2, 3, 4, 5, 6]),
    half: { dtype: "F16", shape: [2], bytes: Uint8Array.of(0x00, 0x3c, 0x00, 0xc0) },
    brain: { dtype: "BF16", shape: [2], bytes: Uint8Array.of(0x80, 0x3f, 0x20, 0xc0) },
    empty: f32([0, 4], []),
    scalar: f32([], [7]),
    bytes: { dtype: "U8", shape: [3], bytes: Uint8Array.of(1, 2, 3) },
    more: f32([1], [9]), // starts where no float may
  });

  test("names, types, shapes and numbers", async () => {
    const { tensors, ...opened } = await open(file);
    void opened;
    const safetensors = await open(file);
    expect([...tensors.keys()]).toEqual(["wide", "half", "brain", "empty", "scalar", "bytes", "more"]);
    expect(tensors.get("wide")).toMatchObject({ dtype: "F32", shape: [3, 2], length: 6 });
    expect([...(await safetensors.numbers("wide"))]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(await safetensors.numbers("wide", 1, 2))]).toEqual([3, 4]);
    expect([...(await safetensors.numbers("half"))]).toEqual([1, -2]);
    expect([...(await safetensors.numbers("brain"))]).toEqual([1, -2.5]);
    expect([...(await safetensors.numbers("empty"))]).toEqual([]);
    expect([...(await safetensors.numbers("scalar"))]).toEqual([7]);
    expect([...(await safetensors.numbers("more"))]).toEqual([9]);
    expect([...(await safetensors.bytes("bytes"))]).toEqual([1, 2, 3]);
  });

  test("a Blob, a view into a larger buffer, and only the slices that are asked for", async () => {
    const fromBlob = await openSafetensors(byteSource("blob", new Blob([file])));
    expect([...(await fromBlob.numbers("more"))]).toEqual([9]);
    const larger = new Uint8Array(file.length + 13);
    larger.set(file, 13);
    const view = await openSafetensors(byteSource("view", larger.subarray(13)));
    expect([...(await view.numbers("scalar"))]).toEqual([7]);

    let read = 0;
    const sixteenGigabytes = 2 ** 34;
    const numbers = (sixteenGigabytes - 12) / 4;
    const header = JSON.stringify({
      a: entry("F32", [3], [0, 12]),
      b: entry("F32", [numbers], [12, sixteenGigabytes]),
    });
    const start = fileWith(header);
    const large: ByteSource = {
      name: "large",
      size: start.length + sixteenGigabytes,
      async read(from, to) {
        read += to - from;
        return Uint8Array.from({ length: to - from }, (_, i) => start[from + i] ?? 0);
      },
    };
    const opened = await openSafetensors(large);
    expect([...(await opened.numbers("a"))]).toEqual([0, 0, 0]);
    expect([...(await opened.numbers("b", numbers - 2, numbers))]).toEqual([0, 0]);
    expect(read).toBe(start.length + 12 + 8);
  });

  test("every kind of half float and bfloat16", () => {
    const halves = new Uint16Array([0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x7e00]);
    expect([...widenHalf(halves)]).toEqual([0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, NaN]);
    const brain = new Uint16Array([0x0000, 0x8000, 0x3f80, 0xc000, 0x0001, 0x7f80, 0x7fc0]);
    expect([...widenBfloat(brain)]).toEqual([0, -0, 1, -2, 2 ** -133, Infinity, NaN]);
  });

  test("what is not there, or no number", async () => {
    const safetensors = await open(file);
    await expect(safetensors.numbers("wider")).rejects.toThrow(/the file has no tensor "wider"/);
    await expect(safetensors.numbers("__metadata__")).rejects.toThrow(/has no tensor/);
    await expect(safetensors.numbers("bytes")).rejects.toThrow(/bytes holds U8; F32, F16 and BF16/);
    for (const [from, to] of [
      [0, 4],
      [-1, 1],
      [2, 1],
      [0.5, 1],
    ] as const) {
      await expect(safetensors.numbers("wide", from, to)).rejects.toThrow(/of wide were asked for; it has 3/);
    }
  });
});

describe("a hostile file is refused, and the message says why", () => {
  const prefix = (length: bigint, rest = 10) => {
    const bytes = new Uint8Array(8 + rest);
    new DataView(bytes.buffer).setBigUint64(0, length, true);
    return bytes;
  };
  const one = (value: unknown, data = 4) => fileWith({ a: value }, data);
  test.each<[string, Uint8Array<ArrayBuffer>, RegExp]>([
    ["nothing", new Uint8Array(0), /has 0 bytes; a safetensors file has at least 10/],
    ["too short", new Uint8Array(9), /has 9 bytes/],
    ["a header longer than the file", prefix(11n), /claims 11 bytes in a file of 18/],
    ["a header of 2^64 - 1 bytes", prefix(2n ** 64n - 1n), /claims 18446744073709551615 bytes/],
    ["a header of 2^32 bytes", prefix(2n ** 32n), /claims 4294967296 bytes/],
    ["no header", prefix(0n), /claims 0 bytes/],
    ["no JSON", fileWith("{]"), /is no JSON/],
    ["no UTF-8", prefix(10n).map((byte, i) => (i < 8 ? byte : 0xff)), /is no JSON/],
    ["nesting", fileWith("[".repeat(200000) + "]".repeat(200000)), /is no JSON|a JSON object is needed/],
    ["a list", fileWith("[1]"), /a JSON object is needed/],
    ["null", fileWith("null"), /is null; a JSON object is needed/],
    ["an entry that is null", one(null, 0), /"a" of the file is null; an object/],
    [
      "an unknown type",
      one(entry("F12", [1], [0, 4])),
      /the dtype of "a" of the file is the string "F12"; one of BOOL/,
    ],
    ["a type of the prototype", one(entry("toString", [1], [0, 4])), /the dtype of "a".*"toString"/],
    ["no shape", one({ dtype: "F32", data_offsets: [0, 4] }), /the shape of "a" of the file is undefined/],
    ["a negative size", one(entry("F32", [-1], [4, 0])), /the shape of "a" of the file is \[-1\]/],
    ["a broken size", one(entry("F32", [0.5], [0, 2])), /the shape of "a"/],
    ["a size beyond integers", one(entry("F32", [2 ** 53], [0, 4])), /the shape of "a"/],
    ["a product beyond integers", one(entry("F32", [2 ** 40, 2 ** 40], [0, 4])), /must be as far apart/],
    ["a product that wraps to 4", one(entry("F32", [2 ** 32, 2 ** 32, 1], [0, 4])), /must be as far apart/],
    ["one offset", one(entry("F32", [1], [0])), /the data_offsets of "a" of the file are \[0\]/],
    ["a negative offset", one(entry("F32", [1], [-4, 0])), /the data_offsets of "a"/],
    ["offsets the wrong way", one(entry("F32", [1], [4, 0])), /must be as far apart/],
    ["a shape that is not the size", one(entry("F16", [3], [0, 4])), /\[3\] of F16, 6 bytes, .* 0 and 4/],
    ["an end past the file", one(entry("F32", [2], [0, 8])), /ends at byte \d+, but the file has \d+; it is cut off/],
    ["offsets far past the file", one(entry("F32", [1], [2 ** 52, 2 ** 52 + 4])), /starts at byte/],
    ["bytes that belong to nobody", one(entry("F32", [1], [0, 4]), 5), /the tensors of the file end at byte/],
    [
      "overlap",
      fileWith({ a: entry("F32", [2], [0, 8]), b: entry("F32", [2], [4, 12]) }, 12),
      /b of the file starts at byte \d+, inside the tensor before it/,
    ],
    [
      "a gap",
      fileWith({ a: entry("F32", [1], [0, 4]), b: entry("F32", [1], [8, 12]) }, 12),
      /b of the file starts at byte \d+, but the tensor before it ends at/,
    ],
  ])("%s", async (_what, bytes, message) => {
    await expect(open(bytes)).rejects.toThrow(message);
    await expect(open(bytes)).rejects.toMatchObject({ name: "HeedError", code: "invalid-argument" });
  });

  test("any byte changed, or any end cut off: read, or refused with a HeedError", async () => {
    const file = fileOf({ a: f32([2], [1, 2]), b: f32([1], [3]) });
    for (let at = 0; at < file.length; ++at) {
      for (const byte of [0, 1, 34, 45, 57, 91, 127, 255]) {
        const spoiled = file.slice();
        spoiled[at] = byte;
        for (const bytes of [spoiled, file.slice(0, at)]) {
          const outcome = await open(bytes).then(
            ({ tensors }) => [...tensors.values()].every(({ to }) => to <= bytes.length),
            (error: Error) => error.name === "HeedError",
          );
          expect(outcome, `byte ${at}`).toBe(true);
        }
      }
    }
  });

  test("a file that shrinks while it is read", async () => {
    const bytes = fileOf({ a: f32([2], [1, 2]) });
    const source: ByteSource = { name: "s", size: bytes.length, read: async (from) => bytes.subarray(from, from + 8) };
    await expect(openSafetensors(source)).rejects.toThrow(/s gave 8 bytes at 8, where \d+ were asked for/);
  });
});

describe("a model of several files", () => {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {
    "one.safetensors": fileOf({ a: f32([1], [1]) }),
    "two.safetensors": fileOf({ b: f32([1], [2]) }),
  };
  const indexOf = (weight_map: unknown) =>
    byteSource("the index", new TextEncoder().encode(JSON.stringify({ weight_map })));
  const opened: string[] = [];
  const openFile = async (name: string) => {
    opened.push(name);
    return byteSource(name, files[name]!);
  };

  test("finds tensors where the index says, opening a file once and only when it is needed", async () => {
    const index = indexOf({ a: "one.safetensors", b: "two.safetensors", c: "two.safetensors" });
    const checkpoint = await openSharded(index, openFile);
    expect(checkpoint.names).toEqual(["a", "b", "c"]);
    expect(opened).toEqual([]);
    for (let i = 0; i < 2; ++i) expect([...(await (await checkpoint.file("b")).numbers("b"))]).toEqual([2]);
    expect(opened).toEqual(["two.safetensors"]);
    await expect(checkpoint.file("c")).rejects.toThrow(/two.safetensors has no tensor "c"/);
    await expect(checkpoint.file("d")).rejects.toThrow(/the index has no tensor "d"/);
    const single = await openSingle(byteSource("one", files["one.safetensors"]!));
    expect(single.names).toEqual(["a"]);
    await expect(single.file("b")).rejects.toThrow(/one has no tensor "b"/);
  });

  test.each([
    ["../one.safetensors"],
    ["/etc/one.safetensors"],
    ["folder/one.safetensors"],
    ["..\\one.safetensors"],
    [".safetensors"],
    ["one.bin"],
    ["one.safetensors\n"],
    [7],
    [null],
  ])("%j is no file beside the index", async (file) => {
    await expect(openSharded(indexOf({ a: file }), openFile)).rejects.toThrow(/the index puts "a" into .*needed/);
  });

  test.each([[undefined], [null], [[]], ["a"]])("weight_map %j is refused", async (map) => {
    await expect(openSharded(indexOf(map), openFile)).rejects.toThrow(/weight_map of the index is/);
  });

  test("an index that is no JSON", async () => {
    await expect(openSharded(byteSource("i", Uint8Array.of(1)), openFile)).rejects.toThrow(/i is no JSON/);
    await expect(openSharded(byteSource("i", new TextEncoder().encode("null")), openFile)).rejects.toThrow(
      /weight_map/,
    );
  });
});
