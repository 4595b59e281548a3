// Output error of the four estimators on real attention: the table of README.md.
//
//   node tests/studies/estimators.mjs            prints the table
//
// Per head, ||O - O_hat||_F / ||O||_F over rows 1030, 1046, ..., 2038; the mean over the heads. The reference O is exact
// attention summed in double (`accumulate: "f64"`).

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { create } from "heed/sync";

const heads = 8;
const kvHeads = 4;
const headDim = 64;
export const layers = [0, 3, 6];
export const budgets = [8, 16, 64];
export const estimators = ["renormalized", "raw", "compensated", "linear"];

/** The half floats of one tensor of a safetensors file. */
function readTensor(file, name) {
  const headerSize = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerSize).toString());
  const [from, to] = header[name].data_offsets;
  return new Uint16Array(Uint8Array.from(file.subarray(8 + headerSize + from, 8 + headerSize + to)).buffer);
}

function relativeError(exact, estimate, head) {
  let off = 0;
  let size = 0;
  for (let i = 1030; i <= 2038; i += 16) {
    for (let c = 0; c < headDim; c++) {
      const at = (i * heads + head) * headDim + c;
      off += (exact[at] - estimate[at]) ** 2;
      size += exact[at] ** 2;
    }
  }
  return Math.sqrt(off / size);
}

/** One row per layer and k, with an error per estimator. */
export async function measure() {
  const heed = await create();
  const rows = [];
  for (const layer of layers) {
    const path = new URL(`../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url);
    const file = readFileSync(fileURLToPath(path));
    const [q, k, v] = ["q", "k", "v"].map((name) => readTensor(file, name));
    const options = { heads, kvHeads, headDim, causal: true, dtype: "f16" };
    const exact = heed.attend(q, k, v, { ...options, accumulate: "f64" });
    for (const budget of budgets) {
      const row = { layer, k: budget };
      for (const estimator of estimators) {
        const { out } = heed.attendTopK(q, k, v, { ...options, keep: { k: budget }, estimator });
        const errors = Array.from({ length: heads }, (_, head) => relativeError(exact, out, head));
        row[estimator] = errors.reduce((sum, error) => sum + error, 0) / heads;
      }
      rows.push(row);
    }
  }
  heed.dispose();
  return rows;
}

/** The table as it stands in README.md. */
export function asMarkdown(rows) {
  const head = ["layer", "k", ...estimators.map((name) => `\`${name}\``)];
  const cells = rows.map((row) => [row.layer, row.k, ...estimators.map((name) => row[name].toFixed(3))]);
  return [head, head.map(() => "---"), ...cells].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(asMarkdown(await measure()));
