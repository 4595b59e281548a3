// The package under the Node that runs npm, which may be older than the one the test runner needs: both entries load,
// choose a build that this engine has, and agree with the formula.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { create as createAsync, HeedError } from "heed";
import { create } from "heed/sync";

const hasRelaxed = Number.parseInt(process.versions.node, 10) >= 22;
const expected = hasRelaxed ? ["relaxed-threads", "threads", "relaxed", "simd"] : ["threads", "simd"];
const [n, d] = [37, 8];
const numbers = (seed) => Float32Array.from({ length: n * d }, (_, i) => Math.sin(seed + 1.7 * i));
const [q, k, v] = [numbers(1), numbers(2), numbers(3)];

/** softmax(q k^T / sqrt(d)) v in double precision. */
function reference() {
  return Float64Array.from({ length: n * d }, (_, at) => {
    const [i, c] = [Math.floor(at / d), at % d];
    let [sum, weighted] = [0, 0];
    for (let j = 0; j < n; ++j) {
      let score = 0;
      for (let e = 0; e < d; ++e) score += q[i * d + e] * k[j * d + e];
      const weight = Math.exp(score / Math.sqrt(d));
      sum += weight;
      weighted += weight * v[j * d + c];
    }
    return weighted / sum;
  });
}

/** Scores are at most d / sqrt(d) = 3: rounding of scores, exponentials and sums, each a few units of 2^-24. */
const bound = Math.expm1(2 * (12 * 2 ** -24 * 3 + 4e-7 + 18 * 2 ** -24)) + 80 * 2 ** -24;

function assertExact(out) {
  reference().forEach((number, at) => assert.ok(Math.abs(out[at] - number) <= bound, `${at}: ${out[at]}, ${number}`));
}

for (const variant of expected) {
  test(`heed/sync, ${variant}`, async () => {
    const heed = await create({ variant });
    assert.equal(heed.info.variant, variant);
    assertExact(heed.attend(q, k, v, { heads: 1, headDim: d }));
    const sparse = heed.attendTopK(q, k, v, { heads: 1, headDim: d, keep: { k: n }, indices: true });
    assertExact(sparse.out);
    assert.equal(sparse.indices.length, n * n);
    assert.ok(sparse.dropped.every((tau) => tau === 0));
    assert.equal(heed.memory().liveBytes, 0);
    heed.dispose();
  });

  test(`heed, ${variant}`, async () => {
    const heed = await createAsync({ variant });
    assertExact(await heed.attend(q, k, v, { heads: 1, headDim: d }));
    await assert.rejects(
      heed.attend(q, k, v, { heads: 0, headDim: d }),
      (error) => error instanceof HeedError && error.code === "invalid-argument",
    );
    await heed.dispose();
  });
}

test("the best build is the default, with threads", async () => {
  const heed = await create({ threads: 2 });
  assert.deepEqual([heed.info.variant, heed.info.threads, heed.info.reason], [expected[0], 2, null]);
  heed.dispose();
});

test("builds that need relaxed SIMD are refused where it is missing", { skip: hasRelaxed }, async () => {
  await assert.rejects(create({ variant: "relaxed" }), (error) => {
    return error.code === "unsupported" && /lacks relaxedSimd/.test(error.message);
  });
});

test("a program that forgets to dispose ends by itself", async () => {
  const program = new URL("programs/forgets-to-dispose.mjs", import.meta.url);
  const run = (...args) =>
    new Promise((resolve, reject) => {
      const options = { cwd: new URL("../..", import.meta.url), timeout: 60_000 };
      execFile(process.execPath, args, options, (error, stdout) => (error ? reject(error) : resolve(stdout.trim())));
    });
  assert.equal(await run(fileURLToPath(program)), "1 2");
  // Workers inherit this option and stop at it: one thread then.
  assert.equal(await run("--input-type=module", "-e", await readFile(program, "utf8")), "1 1");
});
