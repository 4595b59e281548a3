// The driver of the targets in TypeScript: what it finds is written down and ends it; what ran leads it to more.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";

import { fromRoot } from "../base/paths.mjs";
import { readLog } from "./run.mjs";

const folder = mkdtempSync(join(tmpdir(), "heed-driver-"));
after(() => rmSync(folder, { recursive: true }));

/** A bug behind three bytes, each of which is a number of its own; and a loop without an end behind another. */
const target = `
import { fuzz } from ${JSON.stringify(fromRoot("tests", "fuzz", "web", "driver.ts"))};
await fuzz({
  maxLength: 8,
  run({ all: [a, b, c] }) {
    if (a !== 7) return [0];
    if (b !== 8) return [1];
    if (c === 9) throw new Error("found");
    if (c === 10) for (;;);
    return [2];
  },
});
`;

before(async () => {
  writeFileSync(join(folder, "target.ts"), target);
  const { rolldown } = await import("rolldown");
  const build = await rolldown({ input: join(folder, "target.ts"), platform: "node" });
  await build.write({ file: join(folder, "target.mjs"), format: "esm" });
  await build.close();
});

function run(...args) {
  const options = [`-artifact_prefix=${folder}/`, "-timeout=1", ...args];
  return spawnSync(process.execPath, [join(folder, "target.mjs"), ...options], { encoding: "utf8" });
}

const put = (name, ...bytes) => {
  writeFileSync(join(folder, name), Uint8Array.from(bytes));
  return join(folder, name);
};

test("an input that throws is written down, and the status says so", () => {
  const { status, stderr } = run(put("wrong", 7, 8, 9));
  assert.equal(status, 77);
  assert.match(stderr, /Error: found/);
  const [name] = readdirSync(folder).filter((file) => file.startsWith("crash-"));
  assert.deepEqual([...readFileSync(join(folder, name))], [7, 8, 9]);
});

test("an input that does not end is written down, and the program is ended", () => {
  const { status, signal, stderr } = run(put("endless", 7, 8, 10));
  assert.deepEqual([status, signal], [null, "SIGKILL"]);
  assert.match(stderr, /did not end/);
  const [name] = readdirSync(folder).filter((file) => file.startsWith("timeout-"));
  assert.deepEqual([...readFileSync(join(folder, name))], [7, 8, 10]);
});

test("it finds its way to a bug by what ran, and keeps what led there", () => {
  const corpus = join(folder, "corpus");
  const { status } = run("-seed=3", "-runs=200000", corpus);
  assert.equal(status === 77 || status === null, true, "it found neither the bug nor the loop");
  assert.ok(readdirSync(corpus).length >= 2);
});

test("a run without findings counts, and merging keeps the smallest of what runs the same", () => {
  const [inputs, merged] = [join(folder, "inputs"), join(folder, "merged")];
  mkdirSync(inputs);
  for (const [i, bytes] of [[7], [7, 1, 1, 1], [1, 2, 3], [1], [7, 8], [7, 8, 1]].entries()) {
    put(join("inputs", String(i)), ...bytes);
  }
  const { status, stderr } = run("-runs=50", inputs);
  assert.equal(status, 0, stderr);
  assert.ok(readLog(stderr).executions >= 50);
  assert.equal(run("-merge=1", merged, inputs).status, 0);
  const kept = readdirSync(merged).map((name) => [...readFileSync(join(merged, name))]);
  assert.deepEqual(kept.toSorted(), [[1], [7], [7, 8]]);
});
