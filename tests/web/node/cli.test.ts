/** The `heed` command as a program: what it prints, where, and how it ends. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { f32, fileOf, fileWith, type MadeTensor } from "../support/safetensors.js";

const program = fileURLToPath(new URL("../../../dist/heed.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "heed-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));

function heed(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

const [heads, kvHeads, headDim, width] = [4, 2, 4, 6];
const config = {
  ...{ num_attention_heads: heads, num_key_value_heads: kvHeads, head_dim: headDim, hidden_size: width },
  ...{ rope_theta: 1000, max_position_embeddings: 64 },
};
const q = Float32Array.from({ length: heads * headDim * width }, (_, i) => Math.sin(1 + i * i));
const k = Float32Array.from({ length: kvHeads * headDim * width }, (_, i) => Math.cos(1 + i * i));
const gain = Float32Array.of(1, 2, 0.5, -1, 3, 0.25);
const brain = (values: Float32Array): MadeTensor => ({
  ...{ dtype: "BF16", shape: [values.length] },
  bytes: new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (bits) => bits >>> 16).buffer),
});
const layer = (index: number): Record<string, MadeTensor> => ({
  [`model.layers.${index}.self_attn.q_proj.weight`]: f32(
    [heads * headDim, width],
    q.map((x) => x * (index + 1)),
  ),
  [`model.layers.${index}.self_attn.k_proj.weight`]: f32([kvHeads * headDim, width], k),
  // Exact in bfloat16.
  [`model.layers.${index}.input_layernorm.weight`]: brain(gain),
});

/** A folder with these files. */
function model(name: string, files: Record<string, string | Uint8Array>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, contents] of Object.entries(files)) writeFileSync(join(path, file), contents);
  return path;
}

const single = model("single", {
  "model.safetensors": fileOf({ ...layer(0), ...layer(1) }),
  "config.json": JSON.stringify(config),
});

describe("heed", () => {
  test("lists its commands, and says its version", async () => {
    const help = heed("--help");
    expect(help.status).toBe(0);
    expect(help.stdout).toMatch(/usage: heed COMMAND[^]*radius/);
    const { version } = await import("heed/sync");
    expect(heed("--version").stdout).toBe(`${version}\n`);
  });

  test.each([
    [[], /a command is missing/],
    [["fly"], /there is no command "fly"; the commands are .*radius/],
    [["toString"], /there is no command "toString"/],
    [["radius"], /heed radius takes one path/],
    [["radius", "a", "b"], /heed radius takes one path/],
    [["radius", "a", "--lenght", "3"], /--lenght/],
    [["radius", "a", "--length", "0"], /--length is "0"/],
    [["radius", "a", "--format", "xml"], /--format is "xml"; one of table, csv, json/],
  ])("wrong use ends with 2: %j", (args, message) => {
    const { status, stdout, stderr } = heed(...args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });
});

describe("heed radius", () => {
  test("prints what theory.radius says of every layer and head, the gain folded in, grouped heads", async () => {
    const { status, stdout, stderr } = heed("radius", single, "--format", "json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const rows = JSON.parse(stdout) as Record<string, number>[];
    expect(rows.map(({ layer, head }) => [layer, head])).toEqual(
      [0, 1].flatMap((layer) => [0, 1, 2, 3].map((head) => [layer, head])),
    );
    const sync = await create({ threads: 1 });
    for (const { layer, head, ...row } of rows as { layer: number; head: number; [name: string]: number }[]) {
      const size = headDim * width;
      const folded = (all: Float32Array, at: number, factor: number) =>
        all.slice(at * size, (at + 1) * size).map((x, i) => Math.fround(x * factor) * gain[i % width]!);
      const radius = sync.theory.radius({
        ...{ queryWeights: folded(q, head, layer + 1), keyWeights: folded(k, Math.floor(head / 2), 1), headDim },
        rope: { base: 1000, length: 64 },
      });
      expect(row).toEqual({
        ...{ R: radius.radius, R_rms: radius.rmsRadius, R_rope: radius.ropeNorm / 2, R_prime: radius.rigorousRadius },
        ...{ H: radius.horizon, trace: radius.trace, stable_rank: radius.stableRank },
        localization: radius.localization,
      });
    }
    sync.dispose();
  });

  test("the same from several files, from one file, as CSV and as a table", () => {
    const index = {
      weight_map: Object.fromEntries(
        [0, 1].flatMap((at) => Object.keys(layer(at)).map((name) => [name, `part-${at}.safetensors`])),
      ),
    };
    const sharded = model("sharded", {
      "part-0.safetensors": fileOf(layer(0)),
      "part-1.safetensors": fileOf(layer(1)),
      "model.safetensors.index.json": JSON.stringify(index),
      "config.json": JSON.stringify({ ...config, rope_theta: undefined, rope_parameters: { rope_theta: 1000 } }),
    });
    const csv = heed("radius", single, "--format", "csv").stdout;
    expect(csv.split("\n")[0]).toBe("layer,head,R,R_rms,R_rope,R_prime,H,trace,stable_rank,localization");
    expect(heed("radius", sharded, "--format", "csv").stdout).toBe(csv);
    const path = join(sharded, "model.safetensors.index.json");
    expect(heed("radius", path, "--format", "csv").stdout).toBe(csv);
    expect(heed("radius", join(single, "model.safetensors"), "--format", "csv").stdout).toBe(csv);
    const table = heed("radius", single).stdout.trimEnd().split("\n");
    expect(table.length).toBe(9);
    expect(new Set(table.map((line) => line.length)).size).toBe(1);
  });

  test("with activations: their bound, their moments, and no gain", async () => {
    const inputs = Float32Array.from({ length: 5 * width }, (_, i) => Math.sin(2 * i));
    const file = join(folder, "activations.safetensors");
    const name = (at: number) => `model.layers.${at}.input_layernorm`;
    writeFileSync(file, fileOf({ [name(0)]: f32([1, 5, width], inputs), [name(1)]: f32([5, width], inputs) }));
    const { stdout, stderr } = heed("radius", single, "--activations", file, "--format", "json");
    expect(stderr).toBe("");
    const rows = JSON.parse(stdout) as Record<string, number>[];
    const sync = await create({ threads: 1 });
    const [queryWeights, keyWeights] = [q.slice(0, headDim * width), k.slice(0, headDim * width)];
    const radius = sync.theory.radius({ queryWeights, keyWeights, headDim, inputs });
    expect(rows[0]).toMatchObject({ R: radius.radius, H: radius.horizon, sigma: radius.sigma });
    sync.dispose();
  });

  test.each<[string, Record<string, string | Uint8Array>, RegExp]>([
    ["no weights", {}, /has neither model.safetensors nor/],
    [
      "no config",
      { "model.safetensors": fileOf(layer(0)) },
      /no config.json beside the weights; name one with --config/,
    ],
    ["a broken config", { "model.safetensors": fileOf(layer(0)), "config.json": "{" }, /config.json is no JSON/],
    [
      "a config without heads",
      { "model.safetensors": fileOf(layer(0)), "config.json": "{}" },
      /num_attention_heads of .*config.json is undefined; an integer/,
    ],
    [
      "another shape",
      { "model.safetensors": fileOf(layer(0)), "config.json": JSON.stringify({ ...config, head_dim: 5 }) },
      /q_proj.weight has the shape \[16, 6\]; the config says \[20, 6\]/,
    ],
    [
      "no attention",
      { "model.safetensors": fileOf({ a: f32([1], [1]) }), "config.json": JSON.stringify(config) },
      /has no model.layers.N.self_attn.q_proj.weight/,
    ],
    [
      "a file that is cut off",
      { "model.safetensors": fileOf(layer(0)).slice(0, -4), "config.json": JSON.stringify(config) },
      /ends at byte \d+, but the file has \d+; it is cut off/,
    ],
    [
      "something else",
      { "model.safetensors": fileWith("no json here"), "config.json": JSON.stringify(config) },
      /the header of model.safetensors is no JSON/,
    ],
  ])("fails with 1: %s", (what, files, message) => {
    const { status, stdout, stderr } = heed("radius", model(what.replaceAll(" ", "-"), files));
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/ {4}at /);
    expect(stdout).toBe("");
    expect(status).toBe(1);
  });

  test("a path that is not there", () => {
    const { status, stderr } = heed("radius", join(folder, "nowhere"));
    expect(stderr).toMatch(/nowhere: there is no such file/);
    expect(status).toBe(1);
  });
});

describe("heed sweep E10", () => {
  const n = 40;
  const inputs = Float32Array.from({ length: n * width }, (_, i) => Math.sin(3 * i + i * i));
  const name = (at: number) => `model.layers.${at}.input_layernorm`;

  /** Fewest entries of each causal row that leave at most a tenth, in double: their mean over the rows. */
  function needed(index: number, head: number): number {
    const turned = (weights: Float32Array, row: number, i: number) => {
      const x = Array.from({ length: headDim }, (_, c) => {
        const at = (row * headDim + c) * width;
        return weights.subarray(at, at + width).reduce((sum, w, j) => sum + w * inputs[i * width + j]!, 0);
      });
      return x.map((each, c) => {
        const half = headDim / 2;
        const angle = i * 1000 ** (-(c % half) / half);
        return each * Math.cos(angle) + (c < half ? -x[c + half]! : x[c - half]!) * Math.sin(angle);
      });
    };
    let total = 0;
    for (let i = 0; i < n; ++i) {
      const query = turned(
        q.map((x) => x * (index + 1)),
        head,
        i,
      );
      const weights = Array.from({ length: i + 1 }, (_, j) => {
        const key = turned(k, Math.floor(head / 2), j);
        return Math.exp(query.reduce((sum, x, c) => sum + x * key[c]!, 0) / Math.sqrt(headDim));
      }).sort((a, b) => b - a);
      let left = weights.reduce((sum, x) => sum + x, 0);
      const most = 0.1 * left;
      let count = 0;
      for (; left > most; ++count) left -= weights[count]!;
      total += count;
    }
    return total / n;
  }

  test("says what every head needs, beside its radius", () => {
    const file = join(folder, "inputs.safetensors");
    writeFileSync(file, fileOf({ [name(0)]: f32([n, width], inputs), [name(1)]: f32([n, width], inputs) }));
    const set = [`file=${single}`, `activations=${file}`, `n=${n}`, "rows=40"].flatMap((each) => ["--set", each]);
    const { status, stdout, stderr } = heed("sweep", "E10", ...set, "--out", "json");
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const rows = JSON.parse(stdout) as Record<string, number>[];
    expect(rows).toHaveLength(2 * heads);
    const radii = JSON.parse(heed("radius", single, "--activations", file, "--format", "json").stdout) as typeof rows;
    rows.forEach((row, i) => {
      expect([row["layer"], row["head"]]).toEqual([Math.floor(i / heads), i % heads]);
      expect(row["rmsRadius"]).toBeCloseTo(radii[i]!["R_rms"]!, 6);
      expect(row["stableRank"]).toBeCloseTo(radii[i]!["stable_rank"]!, 6);
      // One row whose dropped mass is that close to a tenth may need one entry more or less.
      expect(Math.abs(row["keep"]! - needed(row["layer"]!, row["head"]!))).toBeLessThanOrEqual(1 / n + 1e-9);
    });
  });

  test("makes inputs up where there are none", () => {
    const set = ["--set", `file=${single}`, "--set", "n=64"];
    const { stdout, status } = heed("sweep", "E10", ...set);
    expect(status).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(1 + 2 * heads);
    expect(heed("sweep", "E10", ...set).stdout).toBe(stdout);
    expect(heed("sweep", "E10", ...set, "--set", "seed=1").stdout).not.toBe(stdout);
  });

  test.each([
    [[], /E10 needs a model: --set file=PATH/],
    [["file=3"], /--set file=3 is no path/],
    [[`file=${single}`, "n=1"], /--set n=1; an integer from 2 to 65536/],
    [[`file=${single}`, "mass=1"], /--set mass=1; a number between 0 and 1/],
    [[`file=${single}`, "d=64"], /E10 has no parameter d; file, config/],
    [["file=nowhere"], /nowhere: there is no such file/],
  ])("refuses %j", (settings, text) => {
    const { status, stderr } = heed("sweep", "E10", ...settings.flatMap((each) => ["--set", each]));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(text);
  });
});
