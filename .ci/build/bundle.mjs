// web/src and web/cli to dist: one file per entry, flat, so that "./glue/..." and "./worker.js" mean the same in source
// and result.
//
// Entries of one platform are bundled together: what both `heed` and `heed/sync` use lies in one shared file, so an
// error of the one is an instance of the other's class. What `heed` needs for caches or formulas alone is
// loaded with the first.
// Workers are bundled alone, because bundlers copy a worker's file but not what it imports.

import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs";

import { digestOf } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";

const groups = [
  {
    platform: "browser",
    shared: "shared-web",
    cache: "cache-web",
    theory: "theory-web",
    decoder: "decoder-web",
    runner: "decoder-sync-web",
    files: "files-web",
    entries: { web: "web", "sync-web": "sync-web", safetensors: "safetensors" },
  },
  {
    platform: "node",
    shared: "shared-node",
    cache: "cache-node",
    theory: "theory-node",
    decoder: "decoder-node",
    runner: "decoder-sync-node",
    files: "files-node",
    entries: { node: "node", "sync-node": "sync-node", "safetensors-node": "safetensors" },
  },
  // Alone, so that what heed and heed/sync share does not grow by what these two share.
  { platform: "browser", entries: { inline: "inline" } },
  { platform: "browser", entries: { worker: "worker-web" } },
  { platform: "node", entries: { "worker-node": "worker-node" } },
  // Somebody else's code, under its own licence (in the result), in a file of its own: pages without models do without.
  { platform: "browser", entries: { tokenizers: "tokenizers" }, licence: "@huggingface/tokenizers" },
  // The `heed` command imports the package by its name, as any program does.
  { platform: "node", folder: "cli", entries: { heed: "heed" } },
];

/** Files of web/src without their ending, as a pattern of paths. */
const filesOf = (...paths) => new RegExp(paths.map((path) => `web.src.${path}\\.ts$`).join("|"));

/** What a page needs for language models alone; `heed/sync` needs it too. */
const decoderFiles = filesOf(
  "async.decoder",
  "check.(decoder|policy)",
  "operations.(decoder-plan|load-decoder)",
  "model.(config|expected-tensors|fields|rope|source-of|stream-weights|weight-files|web-source)",
  "runtime.raw-model",
);
/** What runs them where the module is: in `heed/sync`. heed's worker, a bundle of its own, has it too. */
const runnerFiles = filesOf(
  "sync.decoder",
  "operations.(decoder|decoder-run|decoders|generation|sampler)",
  "model.(text|pattern)",
);
/** What reads files of models: for `heed/safetensors` and for language models. */
const filesOfModels = filesOf("model.(byte-source|checkpoint|safetensors|safetensors-header|widen)");

/** The text that a bundled package asks to be passed on, as a comment. */
function licenceOf(name) {
  const { version } = JSON.parse(readFileSync(fromRoot("node_modules", name, "package.json"), "utf8"));
  const text = readFileSync(fromRoot("node_modules", name, "LICENSE"), "utf8").replaceAll("*/", "* /");
  return `/*! ${name} ${version}\n\n${text.trimEnd()}\n*/`;
}

const source = ({ folder = "src/entries" }, entry) => fromRoot("web", folder, `${entry}.ts`);
const result = (name, { licence }) => fromRoot("dist", `${name}.${licence === undefined ? "js" : "mjs"}`);
const bundled = fromRoot("build", "stamps", "bundle");

/** Entries whose source exists, by result name. */
const present = (group) => Object.entries(group.entries).filter(([, entry]) => existsSync(source(group, entry)));

export async function bundle() {
  const inputs = [fromRoot("web", "src"), fromRoot("web", "cli"), fromRoot(".ci", "build", "bundle.mjs")];
  const key = keyOf([digestOf(...inputs), digestOf(fromRoot("package.json"), fromRoot("package-lock.json"))]);
  const results = groups.flatMap((group) => present(group).map(([name]) => result(name, group)));
  if (isStamped(bundled, key) && results.every((file) => existsSync(file))) return false;

  for (const name of existsSync(fromRoot("dist")) ? readdirSync(fromRoot("dist")) : []) {
    if (/\.m?js(\.map)?$/.test(name)) rmSync(fromRoot("dist", name));
  }
  const { rolldown } = await import("rolldown");
  for (const group of groups) {
    const input = Object.fromEntries(present(group).map(([name, entry]) => [name, source(group, entry)]));
    if (Object.keys(input).length === 0) continue;
    const build = await rolldown({
      input,
      cwd: fromRoot(),
      platform: group.platform,
      // What `codeSplitting` below asks for; no entry gets exports by it, because what is shared has files of its own.
      preserveEntrySignatures: "allow-extension",
      // The glue and the packed modules stay files of their own, found at run time beside the result: their addresses
      // are copied as they are written.
      external: (id) => /^\.\/(glue\/|inline\/|tokenizers\.mjs$)/.test(id) || id === "heed" || id.startsWith("heed/"),
      makeAbsoluteExternalsRelative: false,
    });
    await build.write({
      dir: fromRoot("dist"),
      format: "esm",
      // The package has the sources themselves, once, in the place of a copy in every map.
      sourcemap: group.licence === undefined,
      sourcemapExcludeSources: true,
      // What is copied instead of bundled ends in .mjs (web/src/platforms/import-copied.ts).
      entryFileNames: group.licence === undefined ? "[name].js" : "[name].mjs",
      // Doc comments are in the declarations; bundlers' annotations stay, and names, so that traces can be read.
      comments: { jsdoc: false },
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      ...(group.licence === undefined ? {} : { banner: licenceOf(group.licence) }),
      ...(group.shared === undefined
        ? { codeSplitting: false }
        : {
            chunkFileNames: "[name].js",
            codeSplitting: {
              includeDependenciesRecursively: false,
              groups: [
                { name: group.cache, test: /web.src.(async.kv-cache|check.cache)\.ts$/, priority: 1 },
                { name: group.theory, test: /web.src.check.(theory|radius)\.ts$/, priority: 1 },
                { name: group.files, test: filesOfModels, priority: 1 },
                { name: group.decoder, test: decoderFiles, priority: 1 },
                { name: group.runner, test: runnerFiles, priority: 1 },
                { name: group.shared, minShareCount: 2 },
              ],
            },
          }),
    });
    await build.close();
  }
  stamp(bundled, key);
  return true;
}
