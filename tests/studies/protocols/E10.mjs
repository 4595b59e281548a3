// E10: does R say how many entries a head needs?

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { safetensors } from "../activations.mjs";
import { of } from "../tables.mjs";

/** Ranks from 0, equal numbers sharing the mean of theirs. */
function ranks(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return numbers.map((number) => (sorted.indexOf(number) + sorted.lastIndexOf(number)) / 2);
}

/** Spearman's correlation: Pearson's of the ranks. */
export function spearman(x, y) {
  const [a, b] = [ranks(x), ranks(y)];
  const middle = (x.length - 1) / 2;
  const sum = (p, q) => p.reduce((total, each, i) => total + (each - middle) * (q[i] - middle), 0);
  return sum(a, b) / Math.sqrt(sum(a, a) * sum(b, b));
}

export const predictors = ["radius", "rmsRadius", "ropeRadius", "horizon", "stableRank", "sigma"];
const correlation = (rows, column, of = "share") =>
  spearman(
    rows.map((row) => row[column]),
    rows.map((row) => row[of]),
  );

/** Lines of the page's table: the correlation of each number with the share needed, and with the entries for l2. */
export const correlations = () =>
  predictors.map((column) => {
    const cells = ["E10-real", "E10-gaussian"].flatMap((name) =>
      ["share", "keepL2"].map((need) => correlation(of(name), column, need).toFixed(2)),
    );
    return `| ${column} | ${cells.join(" | ")} |`;
  });

/** A model of two layers whose four heads have weights of growing size: nothing but R can tell them apart. */
function smallModel() {
  const folder = fileURLToPath(new URL("../../../build/studies/growing-heads/", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const [width, headDim, heads, layers] = [64, 16, 4, 2];
  const config = { num_attention_heads: heads, hidden_size: width, head_dim: headDim, num_hidden_layers: layers };
  writeFileSync(`${folder}config.json`, JSON.stringify({ ...config, rope_theta: 10000, max_position_embeddings: 512 }));
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  const tensors = [];
  for (let layer = 0; layer < layers; ++layer) {
    const name = (which) => `model.layers.${layer}.${which}.weight`;
    for (const [i, which] of ["self_attn.q_proj", "self_attn.k_proj"].entries()) {
      const size = (head) => (i === 0 ? 0.4 * 1.6 ** (layer * heads + head) : 1) * Math.sqrt(3 / width);
      const numbers = Float32Array.from(
        { length: heads * headDim * width },
        (_, at) => size(Math.floor(at / (headDim * width))) * random(),
      );
      tensors.push([name(which), [heads * headDim, width], numbers]);
    }
    tensors.push([name("input_layernorm"), [width], new Float32Array(width).fill(1)]);
  }
  writeFileSync(`${folder}model.safetensors`, safetensors(tensors));
  return "build/studies/growing-heads";
}

const model = "file=build/tiny-llama-16k";

export default {
  id: "E10",
  tables: {
    "E10-real": ["E10", model, "activations=build/activations.safetensors", "n=1024"],
    "E10-gaussian": ["E10", model, "n=1024"],
  },
  quick: [
    {
      prepare: smallModel,
      args: ["file=build/studies/growing-heads", "n=256", "rows=64"],
      holds: (rows) => {
        assert.equal(rows.length, 8);
        assert.ok(correlation(rows, "rmsRadius") < -0.9, String(correlation(rows, "rmsRadius")));
      },
    },
  ],
  claims: {
    "the correlations are those of the page": async () => {
      const { readFileSync } = await import("node:fs");
      const page = readFileSync(new URL("../../../cpp/simulate/results/E10.md", import.meta.url), "utf8");
      for (const each of correlations()) assert.ok(page.includes(each), each);
    },
    "Spearman's correlation is that of ranks": () => {
      assert.equal(spearman([1, 2, 3, 4], [1, 10, 100, 1000]), 1);
      assert.equal(spearman([1, 2, 3, 4], [4, 3, 2, 1]), -1);
      assert.ok(Math.abs(spearman([1, 2, 2, 4], [1, 3, 2, 4]) - 9 / Math.sqrt(90)) < 1e-12);
    },
  },
  figures: {
    E10: () => ({
      title: "Share of the keys that a head's rows need for a dropped mass of 0.1, over R_rms and over measured sigma",
      x: { label: "R_rms", scale: "log", base: 2 },
      y: { label: "k / n", scale: "log" },
      panels: [
        ["real activations: R_rms", "E10-real", "rmsRadius"],
        ["real activations: sigma", "E10-real", "sigma"],
        ["Gaussian inputs: R_rms", "E10-gaussian", "rmsRadius"],
      ].map(([title, name, column]) => ({
        title,
        x: { label: column === "sigma" ? "sigma" : "R_rms", scale: "log", base: 2 },
        lines: [0, 1, 2, 3, 4, 5, 6, 7].map((layer) => ({
          name: `layer ${layer}`,
          marks: true,
          points: of(name, { layer }).map((row) => [row[column], row.share]),
        })),
      })),
    }),
  },
};
