// The columns that the lab shows before it has computed anything, assets/precomputed/*.json: every experiment with its
// own parameters, and for those that look at a head, layer 3, head 2 of the recorded rows.
//
//   node web/lab/assets/make-precomputed.mjs              all of them, a minute or two; after `npm run build`
//   node web/lab/assets/make-precomputed.mjs dispersion   some of them
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));
const load = async (path) => (await runnerImport(from(path), { configFile: false, logLevel: "error" })).module;
const experiments = await load("../experiments/index.ts");
const { readHead, readModel } = await load("recorded.ts");
const { create } = await import("heed");

/** A head for those that need one, under the names that the notebooks use. */
const shown = { layer: 3, head: 2 };
const extras = {
  "error-curve": async () => ({ key: shown, also: { head: await readHead(shown.layer, shown.head) } }),
  calibration: async () => ({ key: shown, also: { head: await readHead(shown.layer, shown.head) } }),
  certificates: async () => ({ key: shown, also: { head: await readHead(shown.layer, shown.head) } }),
  "model-heads": async () => ({ key: { model: "example" }, also: { model: await readModel(), recorded: readHead } }),
};
/** Times are of one machine and of one moment; what `heed eval` writes stands in tests/studies/results. */
const notHere = new Set(["searches", "language-model", "pass-keys", "model-law"]);

const { HEED_VARIANT: variant } = process.env;
const heed = await create(variant === undefined ? {} : { variant });
const wanted = process.argv.slice(2);
for (const experiment of Object.values(experiments)) {
  const { id, parameters, run } = experiment;
  if (notHere.has(id) || (wanted.length > 0 && !wanted.includes(id))) continue;
  const { key = {}, also = {} } = (await extras[id]?.()) ?? {};
  const began = performance.now();
  const rows = [];
  for await (const row of run(heed, { ...parameters, ...also })) rows.push(row);
  const columns = Object.fromEntries(Object.keys(rows[0]).map((name) => [name, rows.map((row) => shortened(row[name]))]));
  const stored = { command: `node web/lab/assets/make-precomputed.mjs ${id}`, parameters: { ...parameters, ...key }, columns };
  writeFileSync(from(`precomputed/${id}.json`), `${JSON.stringify(stored)}\n`);
  console.log(`${id}  ${rows.length} rows, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  for (const { text, check } of experiment.claims) {
    const verdict = check(rows);
    console.log(`  ${verdict === undefined ? "?" : verdict.holds ? "holds" : "FAILS"}  ${text}  (${verdict?.detail})`);
  }
}
await heed.dispose();

/** Six digits are more than a sample knows. */
function shortened(value) {
  return typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(6)) : value;
}
