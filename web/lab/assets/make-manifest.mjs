// What the files of the bundled model must be: assets/decoder/manifest.json, by which every copy of them is checked.
//
//   node web/lab/assets/make-manifest.mjs      after `npx heed quantize` wrote the model anew
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";

const folder = new URL("decoder/", import.meta.url);
const index = JSON.parse(readFileSync(new URL("model.safetensors.index.json", folder), "utf8"));
const weights = [...new Set(Object.values(index.weight_map))].sort();
const files = ["config.json", "tokenizer.json", "tokenizer_config.json", ...weights].map((name) => {
  const bytes = readFileSync(new URL(name, folder));
  return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
});
writeFileSync(new URL("manifest.json", folder), `${JSON.stringify({ files }, null, 2)}\n`);
for (const { name, bytes, sha256 } of files) console.log(`${sha256}  ${bytes}  ${name}`);
