/** The files of a model's weights: every tensor once, in its shape, and nothing else. */
import { expect, describe, test } from "vitest";

import { byteSource, type ByteSource } from "../../../web/src/model/byte-source.js";
import { readConfig } from "../../../web/src/model/config.js";
import { streamWeights, type WeightSlice } from "../../../web/src/model/stream-weights.js";
import { placeWeights } from "../../../web/src/model/weight-files.js";
import { fileOf, type MadeTensor } from "../support/safetensors.js";
import { madeTensors, modelFile, tinyModel, type FileType } from "../support/tiny-model.js";

const model = tinyModel();
const config = readConfig("config", model.config);
const made = madeTensors(model);
const names = Object.keys(made);
const part = (chosen: readonly string[], from: Record<string, MadeTensor> = made) =>
  fileOf(Object.fromEntries(chosen.map((name) => [name, from[name]!])));
const source = (name: string, bytes: Uint8Array<ArrayBuffer>) => byteSource(name, bytes);
const index = (weight_map: unknown, name = "the index") =>
  source(name, new TextEncoder().encode(JSON.stringify({ weight_map })));
const [first, second] = [names.slice(0, 9), names.slice(9)];
const changed = (changes: Record<string, MadeTensor | undefined>) => {
  const all = { ...made, ...changes };
  return source(
    "w",
    part(
      Object.keys(all).filter((name) => all[name] !== undefined),
      all as Record<string, MadeTensor>,
    ),
  );
};
const place = (...sources: ByteSource[]) => placeWeights(config, sources);

async function written(sources: ByteSource[]): Promise<Map<string, number[]>> {
  const rows = new Map<string, number[]>();
  await streamWeights(
    await place(...sources),
    async (slice: WeightSlice) => {
      const bytes = slice.bytes.slice();
      const scales = slice.scales && new Float32Array(slice.scales.slice().buffer);
      const columns = bytes.length / slice.rows;
      const numbers = scales
        ? Array.from(new Int8Array(bytes.buffer), (level, i) => level * scales[Math.floor(i / columns)]!)
        : Array.from(new Float32Array(bytes.buffer));
      rows.set(slice.name, [...(rows.get(slice.name) ?? []), ...numbers]);
    },
    {},
  );
  return rows;
}

describe("placing", () => {
  test.each([
    ["one file", [source("w", modelFile(model))]],
    ["a Blob", [byteSource("w", new Blob([modelFile(model)]))]],
    ["several files in any order", [source("b", part(second)), source("a", part(first))]],
    [
      "files and their index",
      [
        source("a.safetensors", part(first)),
        index(
          Object.fromEntries([...first.map((n) => [n, "a.safetensors"]), ...second.map((n) => [n, "b.safetensors"])]),
        ),
        source("b.safetensors", part(second)),
      ],
    ],
  ])("%s", async (_name, sources) => {
    const rows = await written(sources);
    expect([...rows.keys()].sort()).toEqual([...names].sort());
    for (const [name, values] of rows) expect(values).toEqual([...model.tensors.get(name)!]);
  });

  test("levels with their scales", async () => {
    const rows = await written([source("w", modelFile(model, "I8"))]);
    for (const [name, values] of rows) {
      const exact = model.tensors.get(name)!;
      const largest = Math.max(...exact.map(Math.abs));
      values.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(largest / 253));
    }
  });

  test("every file is read from its start to its end", async () => {
    for (const type of ["F32", "F16", "BF16", "I8"] satisfies FileType[]) {
      const bytes = modelFile(model, type);
      let at = 0;
      const forward: ByteSource = {
        name: "w",
        size: bytes.length,
        async read(from, to) {
          expect(from).toBeGreaterThanOrEqual(at);
          // The first bytes are looked at twice: to tell an index, and for the length of the header.
          at = to > 8 ? from : 0;
          return bytes.slice(from, to);
        },
      };
      await streamWeights(await place(forward), async () => undefined, {});
      expect(at).toBeGreaterThan(bytes.length / 2);
    }
  });

  test("tensors that nobody needs are left aside", async () => {
    const more = { "lm_head.weight": made["model.embed_tokens.weight"]! };
    const frequencies = { dtype: "F32", shape: [4], bytes: new Uint8Array(16) };
    const rows = await written([changed({ ...more, "model.layers.0.self_attn.rotary_emb.inv_freq": frequencies })]);
    expect(rows.size).toBe(names.length);
  });

  test("a writer that fails, and a signal, end the stream", async () => {
    const places = await place(source("w", modelFile(model)));
    const failing = streamWeights(places, () => Promise.reject(new Error("full")), {});
    await expect(failing).rejects.toThrow("full");
    const stopped = new AbortController();
    let slices = 0;
    const running = streamWeights(places, async () => void (++slices === 3 && stopped.abort(new Error("enough"))), {
      signal: stopped.signal,
    });
    await expect(running).rejects.toThrow("enough");
    expect(slices).toBeLessThan(6);
  });
});

describe("refusing", () => {
  const q = "model.layers.1.self_attn.q_proj.weight";
  const wrongShape = { dtype: "F32", shape: [32, 31], bytes: new Uint8Array(32 * 31 * 4) };
  const levels = madeTensors(model, "I8");
  test.each<[string, ByteSource[], string, RegExp]>([
    ["nothing", [], "invalid-argument", /weights are an empty array/],
    [
      "a missing tensor",
      [changed({ [q]: undefined })],
      "invalid-argument",
      /lack "model.layers.1.self_attn.q_proj.weight"/,
    ],
    ["many missing", [source("w", part(first))], "invalid-argument", /the weights lack .* and \d+ more/],
    [
      "a tensor too many",
      [changed({ "model.layers.2.input_layernorm.weight": made["model.norm.weight"] })],
      "invalid-argument",
      /have "model.layers.2.input_layernorm.weight", which the config has no place for/,
    ],
    [
      "a bias too many",
      [changed({ [q.replace("weight", "bias")]: made["model.norm.weight"] })],
      "invalid-argument",
      /q_proj.bias/,
    ],
    [
      "a tensor twice",
      [source("a", modelFile(model)), source("b", part([q]))],
      "invalid-argument",
      /q_proj.weight" is in a and also in b/,
    ],
    ["a wrong shape", [changed({ [q]: wrongShape })], "shape-mismatch", /\[32, 31\]; the config asks for \[32, 32\]/],
    [
      "a vector of two axes",
      [changed({ "model.norm.weight": { ...made["model.norm.weight"]!, shape: [1, 32] } })],
      "shape-mismatch",
      /\[1, 32\]; the config asks for \[32\]/,
    ],
    [
      "numbers of another type",
      [changed({ [q]: { dtype: "F64", shape: [32, 32], bytes: new Uint8Array(32 * 32 * 8) } })],
      "unsupported",
      /q_proj.weight of w holds F64; F32, F16, I8 with scales and BF16/,
    ],
    [
      "levels without scales",
      [changed({ [q]: levels[q] })],
      "invalid-argument",
      /there is no model.*q_proj.weight.scale/,
    ],
    [
      "scales of the wrong length",
      [changed({ [q]: levels[q], [`${q}.scale`]: { dtype: "F32", shape: [31], bytes: new Uint8Array(124) } })],
      "shape-mismatch",
      /q_proj.weight.scale of w is \[31\] of F32; \[32\] of F32/,
    ],
    [
      "scales without levels",
      [changed({ [`${q}.scale`]: levels[`${q}.scale`] })],
      "invalid-argument",
      /have "model.layers.1.self_attn.q_proj.weight.scale"/,
    ],
    ["an index alone", [index({ a: "a.safetensors" })], "invalid-argument", /only the index the index/],
    ["two indexes", [index({}), index({}, "other")], "invalid-argument", /two indexes, the index and other/],
    [
      "an index that promises more",
      [
        source("w", modelFile(model)),
        index({ ...Object.fromEntries(names.map((n) => [n, "w.safetensors"])), x: "x.safetensors" }),
      ],
      "invalid-argument",
      /puts "x" into x.safetensors, but no file that was given has it/,
    ],
    [
      "an index that promises less",
      [source("w", modelFile(model)), index({ [q]: "w.safetensors" })],
      "invalid-argument",
      /does not list .*, which the files have/,
    ],
    [
      "an index that names another file",
      [source("w.safetensors", modelFile(model)), index(Object.fromEntries(names.map((n) => [n, "v.safetensors"])))],
      "invalid-argument",
      /into v.safetensors, but it is in w.safetensors/,
    ],
  ])("%s", async (_name, sources, code, message) => {
    await expect(place(...sources)).rejects.toThrow(message);
    await expect(place(...sources)).rejects.toMatchObject({ name: "HeedError", code });
  });
});
