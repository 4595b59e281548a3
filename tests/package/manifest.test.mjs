// What npm would publish: which files, how large, and whether every resolver finds what package.json promises.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const folder = mkdtempSync(join(tmpdir(), "heed-pack-"));
after(() => rmSync(folder, { recursive: true }));

const npm = (...args) => execFileSync("npm", args, { cwd: root, encoding: "utf8" });
const [packed] = JSON.parse(npm("pack", "--json", "--pack-destination", folder));
const tarball = readFileSync(join(folder, packed.filename));
const paths = packed.files.map(({ path }) => path);

/** Every file of the package matches one of these. */
const wanted = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/(web|node|sync-web|sync-node|inline|worker|worker-node|heed)\.js(\.map)?$/,
  /^dist\/(shared|cache|theory|decoder|decoder-sync|files)-(web|node)\.js(\.map)?$/,
  /^dist\/(safetensors(-node)?|rolldown-runtime)\.js(\.map)?$/,
  /^dist\/tokenizers\.mjs$/,
  /^dist\/glue\/heed-(study-|model-)?(simd|relaxed|threads|relaxed-threads)\.wasm$/,
  /^dist\/glue\/heed-(model-)?relaxed-threads-64\.wasm$/,
  /^dist\/glue\/heed(-study|-model)?(-threads)?(\.node)?\.mjs$/,
  /^dist\/glue\/heed(-model)?-threads-64(\.node)?\.mjs$/,
  /^dist\/inline\/(core|study)\.packed\.js$/,
  /^dist\/types\/[\w/-]+\.d\.ts$/,
  /^web\/(src|cli)\/[\w/.-]+\.ts$/,
];

test("no stray file", () => {
  assert.deepEqual(
    paths.filter((path) => !wanted.some((pattern) => pattern.test(path))),
    [],
  );
  for (const pattern of wanted)
    assert.ok(
      paths.some((path) => pattern.test(path)),
      `nothing matches ${pattern}`,
    );
});

// heed/inline, whose modules no archive compresses again, is 0.34 MB of it.
test("the package is below 1.95 MB, what runs language models or takes more than 4 GiB aside", () => {
  console.log(`${packed.files.length} files, ${tarball.length} bytes packed, ${packed.unpackedSize} unpacked`);
  const aside = paths.filter((path) => /^dist\/(glue\/heed-(model[-.]|.*threads-64)|decoder-|tokenizers)/.test(path));
  const theirs = aside.reduce((sum, path) => sum + gzipSync(readFileSync(join(root, path))).length, 0);
  assert.ok(tarball.length - theirs < 1_950_000, `${tarball.length} bytes, ${theirs} of them aside`);
  assert.ok(tarball.length < 2_900_000, `${tarball.length} bytes`);
});

/** Every file that a value of `exports`, or of a field of old, names. */
const targets = (value) => (typeof value === "string" ? [value] : Object.values(value).flatMap(targets));

test("what package.json names is in the package", () => {
  const fields = ["main", "module", "browser", "unpkg", "jsdelivr", "types"].map((field) => manifest[field]);
  for (const target of targets([manifest.exports, manifest.bin, fields])) {
    const pattern = new RegExp(`^${target.slice(2).replaceAll(".", "\\.").replace("*", ".+")}$`);
    assert.ok(
      paths.some((path) => pattern.test(path)),
      `${target} is not in the package`,
    );
  }
});

test("the types of an entry come first and the default last, as resolvers read them", () => {
  for (const [name, conditions] of Object.entries(manifest.exports)) {
    if (typeof conditions === "string") continue;
    const order = Object.keys(conditions);
    assert.equal(order[0], "types", name);
    assert.equal(order.at(-1), "default", name);
  }
});

test("scripts bring their source maps, whose sources are in the package", () => {
  // Somebody else's code, and a helper of the bundler, have none.
  const scripts = paths.filter((path) => /^dist\/(?!rolldown-runtime|safetensors)[\w-]+\.js$/.test(path));
  assert.ok(scripts.length > 0);
  for (const script of scripts) {
    const map = `${script}.map`;
    assert.ok(paths.includes(map), map);
    const text = readFileSync(join(root, script), "utf8");
    assert.match(text, new RegExp(`//# sourceMappingURL=${map.slice("dist/".length)}\\s*$`));
    const { sources } = JSON.parse(readFileSync(join(root, map), "utf8"));
    assert.ok(sources.length > 0, map);
    for (const source of sources) assert.ok(paths.includes(join("dist", source)), `${map}: ${source}`);
  }
});

test("no entry waits at its top level, and none reaches a module of Node from the web", () => {
  const entries = Object.values(manifest.exports).flatMap(targets);
  for (const entry of entries.filter((target) => target.endsWith(".js"))) {
    const text = readFileSync(join(root, entry), "utf8");
    assert.doesNotMatch(text, /^(?:const .*= )?await /m, entry);
    if (!/node/.test(entry)) assert.doesNotMatch(text, /(?:from|import\()\s*["']node:/, entry);
  }
});

test("require() of the entries works, because nothing waits", () => {
  const program = `
    const { create } = require("heed");
    const sync = require("heed/sync");
    if (typeof create !== "function" || typeof sync.create !== "function") process.exit(1);`;
  execFileSync(process.execPath, ["--input-type=commonjs", "--eval", program], { cwd: root });
});

test("publint finds nothing", async () => {
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  // Its one suggestion would be `browser` as an object; bundlers of old that read the field read it as it is.
  const kept = messages.filter(({ code }) => code !== "USE_EXPORTS_BROWSER");
  assert.deepEqual(
    kept.map((message) => formatMessage(message, pkg, { color: false })),
    [],
  );
});

test("attw finds nothing that a program of ES modules could meet", async () => {
  const { problems, types, entrypoints } = await checkPackage(createPackageFromTarballData(tarball));
  assert.ok(types, "the package has types");
  assert.ok(Object.keys(entrypoints).length >= 5);
  // CommonJS without require(esm), and resolvers older than `exports`, are not supported: attw's profile "esm-only".
  const ignored = ["node10", "node16-cjs"];
  const found = problems.filter(
    ({ resolutionKind, resolutionOption, entrypoint }) =>
      !ignored.includes(resolutionKind) && resolutionOption !== "node10" && !/\.wasm$|\*/.test(entrypoint ?? ""),
  );
  assert.deepEqual(found, []);
});

test("every published script is in its place", () => {
  for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});
