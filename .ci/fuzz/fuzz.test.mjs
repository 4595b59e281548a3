// The scripts around the fuzz targets: corpora survive packing, logs are read, and a finding never looks like success.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";

import { fromRoot } from "../base/paths.mjs";
import { corpusFile, largestCorpus, pack, readCorpus, unpack } from "./corpus.mjs";
import { tableOf } from "./results.mjs";
import { readLog } from "./run.mjs";
import { targets } from "./targets.mjs";

const folder = mkdtempSync(join(tmpdir(), "heed-fuzz-"));
after(() => rmSync(folder, { recursive: true }));

test("a corpus is the same after packing, the smallest inputs first, and no larger than its limit", () => {
  const inputs = [Buffer.alloc(300, 7), Buffer.from([1, 2]), Buffer.from([0]), Buffer.alloc(40, 1)];
  unpack(inputs, join(folder, "in"));
  const file = join(folder, "corpus.txt");
  assert.equal(pack(join(folder, "in"), file).inputs, 4);
  assert.deepEqual(
    readCorpus(file),
    inputs.toSorted((a, b) => a.length - b.length),
  );
  assert.deepEqual(pack(join(folder, "in"), file, 100), { inputs: 3, bytes: readFileSync(file).length });
  assert.deepEqual(readCorpus(join(folder, "absent")), []);
});

test("what both kinds of programs say is read", () => {
  const libFuzzer = "#2 INITED cov: 12 ft: 13\n#9\tDONE   cov: 345 ft: 9\nstat::number_of_executed_units: 678\n";
  assert.deepEqual(readLog(libFuzzer), { executions: 678, coverage: 345 });
  assert.deepEqual(readLog("it did not start"), { executions: 0, coverage: 0 });
});

test("ten targets, each with a source, a corpus in bounds and a recorded run", () => {
  assert.equal(targets.length, 10);
  const results = JSON.parse(readFileSync(fromRoot("tests", "fuzz", "results.json"), "utf8"));
  for (const { name, kind } of targets) {
    const source = kind === "native" ? `cpp/${name.replaceAll("-", "_")}.cpp` : `web/${name}.ts`;
    assert.ok(existsSync(fromRoot("tests", "fuzz", source)), source);
    const { length } = readFileSync(corpusFile(name));
    assert.ok(length > 0 && length <= largestCorpus, `${name}: ${length} bytes`);
    assert.ok(results[name]?.seconds >= 60 && results[name].executions > 0, `${name} was not run`);
  }
  assert.equal(readdirSync(fromRoot("tests", "fuzz", "corpus")).length, targets.length);
  const page = readFileSync(fromRoot("tests", "fuzz", "README.md"), "utf8");
  assert.ok(page.includes(tableOf(results)), "the table is not that of results.json");
});
