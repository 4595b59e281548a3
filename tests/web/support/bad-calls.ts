/** Calls that must be refused, with the code and the words that must come; the same list for both entries. */
import type { HeedErrorCode } from "heed";

const shape = { heads: 2, headDim: 4 };
const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));
const [q, k, v] = [numbers(24), numbers(40), numbers(40)];

/** The part of either entry that these calls use, with arguments of any type. */
export interface AnyHeed {
  attend(...args: unknown[]): unknown;
  attendTopK(...args: unknown[]): unknown;
  index(...args: unknown[]): unknown;
  scores(...args: unknown[]): unknown;
  weights(...args: unknown[]): unknown;
  simulate(...args: unknown[]): unknown;
  theory: { windowLaw(parameters: unknown): unknown; ineffectiveShare(parameters: unknown): unknown };
}

export interface BadCall {
  name: string;
  code: HeedErrorCode;
  text: RegExp;
  call: (heed: AnyHeed) => unknown;
}

const attend = (options: object) => (heed: AnyHeed) => heed.attend(q, k, v, { ...shape, ...options });
const sparse = (options: object) => (heed: AnyHeed) => heed.attendTopK(q, k, v, { ...shape, ...options });

function detached(): Float32Array {
  const array = numbers(24);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

function bad(name: string, code: HeedErrorCode, text: RegExp, call: BadCall["call"]): BadCall {
  return { name, code, text, call };
}

const wrongArgument = (name: string, text: RegExp, call: BadCall["call"]) => bad(name, "invalid-argument", text, call);
const wrongShape = (name: string, text: RegExp, call: BadCall["call"]) => bad(name, "shape-mismatch", text, call);

export const badCalls: readonly BadCall[] = [
  wrongShape("q too short", /q has 23 numbers; a multiple of batch \* heads \* headDim = 8/, (heed) =>
    heed.attend(q.subarray(1), k, v, shape),
  ),
  wrongShape("k and v differ", /v has 32 numbers; .* needs 40/, (heed) => heed.attend(q, k, v.subarray(8), shape)),
  wrongShape("heads no multiple of kvHeads", /heads is 2 and kvHeads is 3/, attend({ kvHeads: 3 })),
  wrongShape("out too short", /out has 5 numbers; the result needs 24/, attend({ out: new Float32Array(5) })),
  wrongShape("batch that does not divide", /multiple of .* = 16/, attend({ batch: 2 })),
  wrongShape("head out of range", /head is 2/, (heed) => heed.scores(q, k, { ...shape, head: 2 })),
  wrongShape("entry out of range", /entry is 1/, (heed) => heed.scores(q, k, { ...shape, entry: 1 })),
  ...[undefined, 0, -1, 1.5, NaN, "2", null].map((heads) =>
    wrongArgument(`heads ${String(heads)}`, /^heads is .*; an integer of at least 1/, attend({ heads })),
  ),
  wrongArgument("headDim missing", /^headDim is undefined/, (heed) => heed.attend(q, k, v, { heads: 2 })),
  ...[NaN, Infinity, "1", null].map((scale) =>
    wrongArgument(`scale ${String(scale)}`, /^scale is .*; a finite number/, attend({ scale })),
  ),
  wrongArgument(
    "unknown option",
    /attend has no option "headdim"; its options are heads, kvHeads/,
    attend({ headdim: 4 }),
  ),
  wrongArgument(
    "unknown option of attendTopK",
    /attendTopK has no option "lse"/,
    sparse({ keep: { k: 1 }, lse: true }),
  ),
  wrongArgument("no options", /options of attend are undefined/, (heed) => heed.attend(q, k, v)),
  wrongArgument("causal not a flag", /^causal is 1; true or false/, attend({ causal: 1 })),
  wrongArgument(
    "layout unknown",
    /^layout is the string "rows"; one of "token-major", "head-major"/,
    attend({ layout: "rows" }),
  ),
  wrongArgument("dtype unknown", /^dtype is/, attend({ dtype: "f64" })),
  wrongArgument("a plain array", /^q is an object \(Array\)/, (heed) => heed.attend([...q], k, v, shape)),
  wrongArgument("doubles", /^k is a Float64Array/, (heed) => heed.attend(q, Float64Array.from(k), v, shape)),
  wrongArgument("integers", /^v is a Int8Array/, (heed) => heed.attend(q, k, Int8Array.from(v), shape)),
  wrongArgument("nothing", /^q is undefined/, (heed) => heed.attend(undefined, k, v, shape)),
  wrongArgument("bits without dtype", /^q is a Uint16Array; .*dtype: "f16"/, (heed) =>
    heed.attend(new Uint16Array(24), k, v, shape),
  ),
  wrongArgument("out of doubles", /^out is a Float64Array/, attend({ out: new Float64Array(24) })),
  wrongArgument("out is q", /out overlaps q/, attend({ out: q })),
  wrongArgument("out overlaps v", /out overlaps v/, attend({ out: new Float32Array(v.buffer, 64, 24) })),
  wrongArgument("signal of another kind", /^signal is/, attend({ signal: "no" })),
  wrongArgument("onProgress of another kind", /^onProgress is/, attend({ onProgress: 3 })),
  wrongArgument("transfer of another kind", /^transfer is/, attend({ transfer: "yes" })),
  wrongArgument("keep missing", /^keep is missing; \{k\}, \{alpha, exponent\}, \{mass\} or \{threshold\}/, sparse({})),
  wrongArgument("keep empty", /^keep has none of k, alpha, exponent, mass, threshold; \{k\}/, sparse({ keep: {} })),
  wrongArgument("keep a number", /options of keep are 3/, sparse({ keep: 3 })),
  ...[0, -3, 2.5, NaN, Infinity, "2"].map((k) =>
    wrongArgument(`k ${String(k)}`, /^keep\.k is .*an integer/, sparse({ keep: { k } })),
  ),
  wrongArgument(
    "k and alpha",
    /keep has k and also alpha, exponent/,
    sparse({ keep: { k: 2, alpha: 1, exponent: 0.5 } }),
  ),
  wrongArgument("k and mass", /keep has k and also mass; only one of \{k\}/, sparse({ keep: { k: 2, mass: 0.5 } })),
  wrongArgument(
    "alpha and threshold",
    /keep has alpha, exponent and also threshold/,
    sparse({ keep: { alpha: 1, exponent: 0.5, threshold: 0.5 } }),
  ),
  wrongArgument("unknown in keep", /keep has no option "share"/, sparse({ keep: { share: 0.9 } })),
  ...[0, -0.5, 1.01, NaN, Infinity, "1"].map((mass) =>
    wrongArgument(
      `mass ${String(mass)}`,
      /^keep\.mass is .*; a number greater than 0 and at most 1 is needed/,
      sparse({ keep: { mass } }),
    ),
  ),
  ...[0, -0.5, 1, NaN, "0.1"].map((threshold) =>
    wrongArgument(
      `threshold ${String(threshold)}`,
      /^keep\.threshold is .*; a number greater than 0 and less than 1 is needed/,
      sparse({ keep: { threshold } }),
    ),
  ),
  wrongArgument("min of k", /^keep\.min is -1; an integer of at least 0/, sparse({ keep: { k: 2, min: -1 } })),
  wrongArgument("max of mass", /^keep\.max is 0; an integer of at least 1/, sparse({ keep: { mass: 0.5, max: 0 } })),
  wrongArgument(
    "max below min of mass",
    /keep\.max is 2 and keep\.min is 3/,
    sparse({ keep: { mass: 0.5, min: 3, max: 2 } }),
  ),
  wrongShape("budgets for other heads", /^keep is an array of 3; one for each of the 2 heads/, (heed) =>
    heed.attendTopK(q, k, v, { ...shape, keep: [{ k: 1 }, { k: 1 }, { k: 1 }] }),
  ),
  wrongShape("no budgets", /^keep is an array of 0; one for each of the 2 heads/, sparse({ keep: [] })),
  wrongArgument("a wrong budget of a head", /^keep\[1\]\.k is 0/, sparse({ keep: [{ k: 1 }, { k: 0 }] })),
  wrongArgument("no budget of a head", /options of keep\[0\] are undefined/, sparse({ keep: [undefined, { k: 1 }] })),
  wrongArgument("certificates not a flag", /^certificates is/, sparse({ keep: { k: 1 }, certificates: "all" })),
  ...[0, -1, 1.5].map((window) =>
    wrongArgument(`window ${window} of attendTopK`, /^window is/, sparse({ keep: { k: 1 }, window })),
  ),
  wrongArgument("sinks of attendTopK", /^sinks is -1; an integer of at least 0/, sparse({ keep: { k: 1 }, sinks: -1 })),
  wrongShape("mask of attendTopK", /^mask has 3 numbers/, sparse({ keep: { k: 1 }, mask: new Uint8Array(3) })),
  bad("NaN in a mask of attendTopK with validate", "non-finite", /^mask is NaN at index 9/, (heed) => {
    const mask = new Float32Array(15);
    mask[9] = NaN;
    return heed.attendTopK(q, k, v, { ...shape, keep: { k: 1 }, mask, validate: true });
  }),
  wrongArgument("accumulate of attendTopK", /attendTopK has no option "accumulate"/, sparse({ accumulate: "f64" })),
  ...[0, -1, NaN, Infinity].map((alpha) =>
    wrongArgument(`alpha ${String(alpha)}`, /^keep\.alpha is/, sparse({ keep: { alpha, exponent: 0.5 } })),
  ),
  wrongArgument("alpha undefined", /^keep\.alpha is undefined/, sparse({ keep: { exponent: 0.5 } })),
  ...[-0.1, 1.1, NaN, undefined].map((exponent) =>
    wrongArgument(`exponent ${String(exponent)}`, /^keep\.exponent is/, sparse({ keep: { alpha: 1, exponent } })),
  ),
  wrongArgument(
    "max below min",
    /keep\.max is 2 and keep\.min is 3/,
    sparse({ keep: { alpha: 1, exponent: 1, min: 3, max: 2 } }),
  ),
  wrongArgument("denominator unknown", /^denominator is/, sparse({ keep: { k: 1 }, denominator: "quick" })),
  wrongArgument("estimator unknown", /^estimator is/, sparse({ keep: { k: 1 }, estimator: "best" })),
  wrongArgument("search unknown", /^search is/, sparse({ keep: { k: 1 }, search: "fast" })),
  wrongArgument("tail unknown", /^tail is/, sparse({ keep: { k: 1 }, tail: "guessed" })),
  ...[-1, 0.5, "1", 2 ** 60].map((seed) =>
    wrongArgument(`seed ${seed}`, /^seed is .*; an integer from 0/, sparse({ keep: { k: 1 }, seed })),
  ),
  ...[0, 1, NaN, "0.1"].map((searchTau) =>
    wrongArgument(
      `searchTau ${searchTau}`,
      /^searchTau is .*; a number greater than 0 and less than 1/,
      sparse({ keep: { k: 1 }, search: "pages", searchTau }),
    ),
  ),
  wrongArgument("searchTau without pages", /it needs search: "pages"/, sparse({ keep: { k: 1 }, searchTau: 0.1 })),
  wrongArgument("index without kvHeads", /^kvHeads is undefined/, (heed) => heed.index(k, { headDim: 4 })),
  wrongArgument("index for a scan", /^search is/, (heed) => heed.index(k, { kvHeads: 2, headDim: 4, search: "exact" })),
  wrongArgument("unknown option of index", /index has no option "heads"/, (heed) => heed.index(k, shape)),
  wrongShape("index of a part of a key", /^k has 39 numbers/, (heed) =>
    heed.index(k.subarray(1), { kvHeads: 2, headDim: 4 }),
  ),
  wrongArgument("indices not a flag", /^indices is/, sparse({ keep: { k: 1 }, indices: 1 })),
  wrongArgument("formula parameter", /^sigma is 0/, (heed) =>
    heed.theory.ineffectiveShare({ n: 4, epsilon: 0.1, sigma: 0 }),
  ),
  wrongArgument("formula parameter unknown", /no option "c"/, (heed) =>
    heed.theory.windowLaw({ n: 4, alpha: 1, c: 0.5 }),
  ),
  ...[0, -1, 1.5, NaN, Infinity, "8", null].map((window) =>
    wrongArgument(`window ${String(window)}`, /^window is .*; an integer of at least 1/, attend({ window })),
  ),
  ...[-1, 0.5, NaN, "2", null].map((sinks) =>
    wrongArgument(`sinks ${String(sinks)}`, /^sinks is .*; an integer of at least 0/, attend({ window: 4, sinks })),
  ),
  wrongArgument("sinks without window", /^sinks is 2, but window is missing; /, attend({ sinks: 2 })),
  wrongArgument("sinks of scores without window", /^sinks is 0, but window is missing; /, (heed) =>
    heed.scores(q, k, { ...shape, sinks: 0 }),
  ),
  ...[0, -1, NaN, Infinity, "30", null].map((softcap) =>
    wrongArgument(`softcap ${String(softcap)}`, /^softcap is .*; a finite number greater than 0/, attend({ softcap })),
  ),
  wrongArgument("softcap beyond f32", /^softcap is 1e\+39; a number from 1e-38 to 1e\+38/, attend({ softcap: 1e39 })),
  ...[new Float64Array(15), new Int8Array(15), new Uint8ClampedArray(15), [1], 1, null, "causal"].map((mask) =>
    wrongArgument(
      `mask ${Object.prototype.toString.call(mask)}`,
      /^mask is .*; a Float32Array.*Uint8Array/,
      attend({ mask }),
    ),
  ),
  ...[0, 14, 45].map((length) =>
    wrongShape(
      `mask of ${length}`,
      new RegExp(`^mask has ${length} numbers; queries \\* keys = 15 or heads \\* queries \\* keys = 30 are needed`),
      attend({ mask: new Uint8Array(length) }),
    ),
  ),
  wrongShape("mask of weights", /^mask has 3 numbers/, (heed) =>
    heed.weights(q, k, { ...shape, mask: new Float32Array(3) }),
  ),
  ...["f16", "F32", 64].map((accumulate) =>
    wrongArgument(
      `accumulate ${String(accumulate)}`,
      /^accumulate is .*; one of "f32", "compensated", "f64"/,
      attend({ accumulate }),
    ),
  ),
  wrongArgument("accumulate of scores", /scores has no option "accumulate"/, (heed) =>
    heed.scores(q, k, { ...shape, accumulate: "f64" }),
  ),
  wrongArgument("out overlaps mask", /out overlaps mask/, (heed) => {
    const both = new Float32Array(40);
    return heed.attend(q, k, v, { ...shape, mask: both.subarray(0, 15), out: both.subarray(14, 38) });
  }),
  bad("detached mask", "detached", /the buffer of mask was/, attend({ mask: detached() })),
  ...[NaN, Infinity].map((number) =>
    bad(`${number} in a mask with validate`, "non-finite", new RegExp(`^mask is ${number} at index 9`), (heed) => {
      const mask = new Float32Array(15);
      mask[9] = number;
      return heed.attend(q, k, v, { ...shape, mask, validate: true });
    }),
  ),
  bad("detached", "detached", /the buffer of q was transferred away/, (heed) => heed.attend(detached(), k, v, shape)),
  bad("detached out", "detached", /the buffer of out/, (heed) => heed.attend(q, k, v, { ...shape, out: detached() })),
  bad("NaN with validate", "non-finite", /^k is NaN at index 7/, (heed) => {
    const spoiled = k.slice();
    spoiled[7] = NaN;
    return heed.attend(q, spoiled, v, { ...shape, validate: true });
  }),
  bad("infinity with validate", "non-finite", /^v is Infinity at index 0/, (heed) => {
    const spoiled = v.slice();
    spoiled[0] = Infinity;
    return heed.attendTopK(q, k, spoiled, { ...shape, keep: { k: 1 }, validate: true });
  }),
  bad("half infinity with validate", "non-finite", /^q is Infinity at index 3/, (heed) => {
    const halves = new Uint16Array(24);
    halves[3] = 0x7c00;
    return heed.scores(halves, k, { ...shape, dtype: "f16", validate: true });
  }),
];

/** A call that must work after every refusal. */
export const goodCall = (heed: AnyHeed): unknown => heed.attend(q, k, v, { ...shape, validate: true });
