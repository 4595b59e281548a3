/**
 * Target "attention-variants": one call, in the four builds of 32-bit addresses. Every row is within the family's bound of the formula in
 * doubles, threads change no bit, and what top-k keeps is the beginning of a sort of the build's own scores.
 */
import { create, type AttendOptions, type Heed, type Keep } from "heed/sync";

import { attentionBound, lseBound, preciseBound } from "../../web/support/bounds.js";
import { Random } from "../../web/support/random.js";
import {
  keepingOrder,
  placeOf,
  referenceRow,
  rowsOf,
  seenKeys,
  weightedSum,
  allOf,
  type Inputs,
  type Rules,
} from "../../web/support/reference.js";
import { optionsOf, scoreOptionsOf, type Case } from "../../web/support/shapes.js";
import type { Bytes } from "./bytes.js";
import { fuzz } from "./driver.js";
import { expect, sameNumbers } from "./refusals.js";

const variants = ["simd", "relaxed", "threads", "relaxed-threads"] as const;
const instances: Heed[] = [];
// One after the other: on a busy machine five at once may take longer to start than they are given.
for (const variant of variants) instances.push(await create({ variant, threads: variant.endsWith("threads") ? 2 : 1 }));
const alone = await create({ variant: "relaxed-threads", threads: 1 });

const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 96, 97, 130, 193];
const widths = [1, 2, 3, 4, 5, 8, 12, 16, 17, 33, 64, 81];

function drawShape(bytes: Bytes): Case {
  const kvHeads = 1 + bytes.below(2);
  return {
    queries: bytes.pick(sizes.slice(0, 14)),
    keys: bytes.pick(sizes),
    heads: kvHeads * (1 + bytes.below(3)),
    kvHeads,
    headDim: bytes.pick(widths),
    valueDim: bytes.pick(widths.slice(0, 9)),
    batch: 1 + (bytes.below(6) === 5 ? 1 : 0),
    causal: bytes.flag(),
    layout: bytes.flag() ? "head-major" : "token-major",
    ...(bytes.below(3) === 0 ? { scale: bytes.pick([0, 1, -0.5, 3, 1e-3]) } : {}),
  };
}

function drawRules(bytes: Bytes, { queries, keys, heads }: Case): Rules {
  const rules: Rules = {};
  if (bytes.flag()) {
    rules.window = 1 + bytes.below(keys + 2);
    rules.sinks = bytes.below(keys + 2);
  }
  if (bytes.below(3) === 0) rules.softcap = bytes.pick([0.5, 30, 1e3]);
  const kind = bytes.below(4);
  const length = queries * keys * (bytes.flag() ? heads : 1);
  const random = new Random(bytes.below(256));
  const hidden = bytes.below(256) / 256;
  if (kind === 1) rules.mask = Uint8Array.from({ length }, () => (random.uniform() < hidden ? 0 : 1));
  if (kind === 2) {
    rules.mask = Float32Array.from({ length }, () => (random.uniform() < hidden ? -Infinity : 3 * random.normal()));
  }
  return rules;
}

function drawInputs(bytes: Bytes): Inputs {
  const shape = drawShape(bytes);
  const random = new Random(bytes.below(65536));
  const { batch, queries, keys, heads, kvHeads, headDim, valueDim } = shape;
  const spread = bytes.pick([0, 0.1, 1, 3]);
  const q = random.array(batch * queries * heads * headDim, spread);
  const k = random.array(batch * keys * kvHeads * headDim, bytes.pick([0, 1, 2]));
  const v = random.array(batch * keys * kvHeads * valueDim);
  // Single numbers of the input's own, and keys that are equal to others.
  for (let edits = bytes.below(6); edits > 0; --edits) {
    const array = bytes.pick([q, k, v]);
    array[bytes.below(array.length)] = bytes.pick([0, -0, 1e-40, 1e-20, 5, -20, 30]);
  }
  for (let copies = bytes.below(4); copies > 0; --copies) {
    const [to, from] = [bytes.below(k.length / headDim), bytes.below(k.length / headDim)];
    k.copyWithin(to * headDim, from * headDim, (from + 1) * headDim);
  }
  return { shape, q, k, v, rules: bytes.flag() ? drawRules(bytes, shape) : {} };
}

/** Whether the family's bound says something: that of rows whose scores are known to a hundredth. */
const meaningful = (bound: number, largest: number) => bound < 0.02 * Math.max(largest, 1e-30);

function checkExact(inputs: Inputs, out: Float32Array, lse: Float32Array, precise: boolean, name: string): void {
  const { shape } = inputs;
  const { queries, heads, headDim, valueDim } = shape;
  for (const { b, i, h } of rowsOf(shape)) {
    const row = referenceRow(inputs, b, i, h);
    const at = placeOf(shape, queries, heads, valueDim, b, i, h);
    const actual = out.subarray(at, at + valueDim);
    const actualLse = lse[(b * queries + i) * heads + h]!;
    if (row.keys.length === 0) {
      expect(actual.every((x) => x === 0) && actualLse === -Infinity, `${name}: a row without keys`);
      continue;
    }
    const largest = row.values.reduce((a, value) => value.reduce((x, y) => Math.max(x, Math.abs(y)), a), 0);
    if (!meaningful(attentionBound(row, headDim), largest)) continue;
    const expected = weightedSum(row, allOf(row), valueDim);
    actual.forEach((x, c) => {
      const bound = precise ? preciseBound(row, headDim, expected[c]!) + 1e-40 : attentionBound(row, headDim) + 1e-37;
      const error = Math.abs(x - expected[c]!);
      expect(error <= bound, `${name}: row ${b} ${i} ${h}, ${x} for ${expected[c]}, off by ${error} of ${bound}`);
    });
    expect(
      Math.abs(actualLse - row.lse) <= lseBound(row, headDim) + 1e-37,
      `${name}: log-sum-exp of row ${b} ${i} ${h} is ${actualLse}, not ${row.lse}`,
    );
  }
}

function checkSets(heed: Heed, inputs: Inputs, keep: Keep & { k: number }, name: string): void {
  const { shape, q, k, v, rules = {} } = inputs;
  const { queries, keys, heads } = shape;
  const { sinks = 0 } = rules;
  const scores = heed.scores(q, k, { ...scoreOptionsOf(shape), ...rules });
  const result = heed.attendTopK(q, k, v, { ...optionsOf(shape), ...rules, keep, indices: true });
  for (const { b, i, h } of rowsOf(shape)) {
    const r = (b * queries + i) * heads + h;
    const from = ((b * heads + h) * queries + i) * keys;
    const order = keepingOrder(seenKeys(inputs, i, h), scores.subarray(from, from + keys), sinks);
    const expected = order.slice(0, keep.k).sort((x, y) => x - y);
    const actual = [...result.indices.subarray(result.offsets[r], result.offsets[r + 1])];
    expect(sameNumbers(actual, expected), `${name}: row ${b} ${i} ${h} keeps ${actual}, not ${expected}`);
    expect(result.bound[r]! >= result.dropped[r]!, `${name}: a bound below the dropped mass`);
  }
}

/** Sizes, flags and rules of a call, each with the way of summing: no block of JavaScript tells them apart. */
function triedBy({ shape, rules = {} }: Inputs, accumulate: number): number[] {
  const { queries, keys, heads, kvHeads, headDim, valueDim, batch, causal, layout } = shape;
  const { window, softcap, mask } = rules;
  const maskKind = mask === undefined ? 0 : mask instanceof Uint8Array ? 1 : 2;
  const flags = [
    batch > 1,
    causal,
    layout === "head-major",
    window !== undefined,
    softcap !== undefined,
    heads > kvHeads,
  ];
  const all = [
    sizes.indexOf(queries),
    sizes.indexOf(keys),
    widths.indexOf(headDim),
    widths.indexOf(valueDim),
    maskKind,
  ];
  const word = flags.reduce((bits, flag, i) => bits + (flag ? 2 ** i : 0), 0);
  return [...all, word].map((value, i) => (accumulate * 10 + i) * 100 + value);
}

await fuzz({
  maxLength: 256,
  run(bytes) {
    const inputs = drawInputs(bytes);
    const { shape, q, k, v, rules = {} } = inputs;
    // sinks without a window are refused by attend.
    const { sinks, ...others } = rules;
    const legal = rules.window === undefined ? others : { ...others, ...(sinks === undefined ? {} : { sinks }) };
    const accumulate = bytes.pick(["f32", "compensated", "f64"] as const);
    const options: AttendOptions & { lse: true } = { ...optionsOf(shape), ...legal, accumulate, lse: true };
    const keep = { k: 1 + bytes.below(shape.keys + 2) };
    instances.forEach((heed, i) => {
      const { out, lse } = heed.attend(q, k, v, options);
      checkExact(inputs, out, lse, accumulate === "f64", variants[i]!);
      if (heed.info.variant === "relaxed-threads") {
        const one = alone.attend(q, k, v, options);
        expect(sameNumbers(one.out, out) && sameNumbers(one.lse, lse), "one thread and two give different bits");
      }
      checkSets(heed, { ...inputs, rules: legal }, keep, variants[i]!);
      expect(heed.memory().liveBytes === 0, "memory is left behind");
    });
    return triedBy(inputs, ["f32", "compensated", "f64"].indexOf(accumulate));
  },
});
