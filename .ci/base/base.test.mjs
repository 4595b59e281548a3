// Lock, stamps and files: what keeps an aborted or doubled run from being taken for a finished one.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { eachOf } from "./each.mjs";
import { digestOf, writeIfChanged } from "./files.mjs";
import { exclusively } from "./lock.mjs";
import { outOfTime, run, status, which } from "./process.mjs";
import { isStamped, keyOf, stamp } from "./stamp.mjs";

const folder = mkdtempSync(join(tmpdir(), "heed-base-"));
after(() => rmSync(folder, { recursive: true }));

test("two bodies under one lock never overlap", { skip: process.platform !== "linux" }, async () => {
  let inside = 0;
  let most = 0;
  const body = async () => {
    most = Math.max(most, ++inside);
    await sleep(30);
    --inside;
  };
  await Promise.all([1, 2, 3].map(() => exclusively(`test-${process.pid}`, body)));
  assert.equal(most, 1);
});

test("a lock is given back when its body fails", async () => {
  const name = `failing-${process.pid}`;
  await assert.rejects(
    exclusively(name, () => Promise.reject(new Error("no"))),
    /no/,
  );
  assert.equal(await exclusively(name, () => 7), 7);
});

test("a stamp counts only for the key it was written with", () => {
  const file = join(folder, "stamps", "step");
  assert.equal(isStamped(file, keyOf(1)), false);
  stamp(file, keyOf(1));
  assert.equal(isStamped(file, keyOf(1)), true);
  assert.equal(isStamped(file, keyOf(2)), false);
});

test("an unchanged file is not written again", async () => {
  const file = join(folder, "same.txt");
  writeIfChanged(file, "a");
  const before = statSync(file).mtimeMs;
  await sleep(15);
  writeIfChanged(file, "a");
  assert.equal(statSync(file).mtimeMs, before);
  writeIfChanged(file, "b");
  assert.notEqual(digestOf(file), digestOf(join(folder, "absent")));
});

test("a failing program ends in one sentence with the end of its log", async () => {
  const log = join(folder, "program.log");
  writeFileSync(log, "");
  const attempt = run("sh", ["-c", "echo reason; exit 3"], { log, otherwise: "it did not work." });
  await assert.rejects(attempt, /^Error: it did not work\. The last lines of .*reason/s);
  assert.ok(existsSync(log));
});

test("a program that does not exist is named", async () => {
  await assert.rejects(run("heed-no-such-program", []), /"heed-no-such-program" was not found/);
  assert.equal(which("heed-no-such-program"), undefined);
});

test("a program that outlasts its limit is ended, with what it started", async () => {
  const began = performance.now();
  assert.equal(await status("sh", ["-c", "sleep 60 & wait"], { limit: 200 }), outOfTime);
  assert.ok(performance.now() - began < 20_000);
  assert.equal(await status("sh", ["-c", "exit 3"], { limit: 60_000 }), 3);
});

test("everything is run, and no more at a time than may be", async () => {
  const done = [];
  let [now, most] = [0, 0];
  const results = await eachOf([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++now);
    await sleep(item === 1 ? 20 : 2);
    --now;
    done.push(item);
    return 10 * item;
  });
  assert.deepEqual(done.toSorted(), [1, 2, 3, 4, 5]);
  assert.deepEqual(results, [10, 20, 30, 40, 50]);
  assert.equal(most, 2);
});
