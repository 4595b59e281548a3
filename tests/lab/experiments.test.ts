/** Every experiment runs without a page, its claims hold, and each claim can fail. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { create } from "heed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as experiments from "../../web/lab/experiments/index.js";
import { mean, relativeError } from "../../web/lab/framework/statistics.js";
import { readHead, readModel } from "../../web/lab/assets/recorded.js";

const { collapse, errorCurve } = experiments;

type Heed = Awaited<ReturnType<typeof create>>;

let heed: Heed;
beforeAll(async () => {
  heed = await create();
});
afterAll(() => heed.dispose());

async function collapseRows() {
  const rows = [];
  const { epsilon, weights } = collapse.parameters;
  for await (const row of heed.simulate("E1", { n: [128, 256, 512], d: 64, epsilon, weights, rows: 128, seed: 7 })) {
    rows.push(row);
  }
  return rows;
}

test("collapse: every claim holds on fresh rows", async () => {
  const rows = await collapseRows();
  expect(rows).toHaveLength(9);
  for (const { text, check } of collapse.claims) expect({ text, ...check(rows) }).toMatchObject({ text, holds: true });
});

test("collapse: each claim fails on rows that contradict it, and none is decided without rows", async () => {
  const rows = await collapseRows();
  const spoil = (change: (row: (typeof rows)[number]) => object) =>
    rows.map((row) => (row.n === 512 ? { ...row, ...change(row) } : row));
  const contradictions = [
    spoil(({ ineffectiveShare }) => ({ closedForm: ineffectiveShare + 0.05 })),
    spoil(() => ({ ineffectiveShare: 0 })),
    spoil(({ epsilon }) => ({ effective: 1 / epsilon + 1 })),
  ];
  expect(contradictions).toHaveLength(collapse.claims.length);
  for (const [i, { check }] of collapse.claims.entries()) {
    expect(check(contradictions[i]!)?.holds).toBe(false);
    expect(check([])).toBeUndefined();
  }
});

describe("error curve", () => {
  const row = (k: number, estimator: string, error: number, dropped = 1 / k) => ({ k, estimator, error, dropped });
  const good = [
    ...[row(8, "renormalized", 0.6), row(8, "compensated", 0.3), row(8, "linear", 0.1)],
    ...[row(64, "renormalized", 0.2), row(64, "compensated", 0.1), row(64, "linear", 0.05)],
  ];

  /** The good rows with one of them changed. */
  const spoil = (k: number, estimator: string, change: object) =>
    good.map((each) => (each.k === k && each.estimator === estimator ? { ...each, ...change } : each));

  test.each([
    ["The dropped attention", spoil(64, "linear", { dropped: 0.5 })],
    ["k = 8 with the linear tail", spoil(64, "renormalized", { error: 0.09 })],
    ["At every k, the line", spoil(64, "linear", { error: 0.11 })],
    ["At every k, the mean", spoil(8, "compensated", { error: 0.7 })],
  ])("%s: holds, fails on rows that contradict it, and is not decided without rows", (beginning, contradiction) => {
    const [claim, ...others] = errorCurve.claims.filter(({ text }) => text.startsWith(beginning));
    expect(others).toEqual([]);
    expect(claim!.check(good)?.holds).toBe(true);
    expect(claim!.check(contradiction)?.holds).toBe(false);
    expect(claim!.check([])).toBeUndefined();
  });

  test("the claims on the page are these four", () => expect(errorCurve.claims).toHaveLength(4));

  test("on a recorded head, computed by the library, every claim holds", async () => {
    const { q, k, v, shape, n } = await readHead(6, 2);
    const reference = await heed.attend(q, k, v, shape);
    const rows = [];
    for (const entries of [8, 64]) {
      for (const estimator of errorCurve.parameters.estimators) {
        const { out, dropped } = await heed.attendTopK(q, k, v, { ...shape, keep: { k: entries }, estimator });
        rows.push(row(entries, estimator, relativeError(out, reference), mean(dropped)));
      }
    }
    expect(n).toBe(2048);
    for (const { text, check } of errorCurve.claims) {
      expect({ text, ...check(rows) }).toMatchObject({ text, holds: true });
    }
  });
});

/** Small enough for a test: seconds together. Heads are recorded ones, cut to their first rows. */
const small: Record<string, () => Promise<object> | object> = {
  collapse: () => ({ n: [128, 512], rows: 64 }),
  dispersion: () => ({ n: [256, 4096], rows: 32 }),
  "self-collapse": () => ({ n: [256, 1024, 2048, 8192], rows: 64 }),
  condensation: () => ({ n: [64, 16384], rows: 64 }),
  "phase-map": () => ({ n: [256, 4096], sigma: [0.5, 1, 3, 6], rows: 32 }),
  sufficiency: () => ({ n: [128, 1024], rows: 64 }),
  "mass-threshold": () => ({ n: [64, 4096], rows: 64 }),
  "equal-cost": () => ({ n: [1024, 4096], rows: 32, repeats: 3, sigma: [1, 2] }),
  violations: () => ({ n: [256, 512, 1024], strength: [0, 2, 10], rows: 32 }),
  precision: () => ({ n: [256, 4096], rows: 8 }),
  depth: () => ({ n: 64, layers: 12, keep: 8, repeats: 2 }),
  positions: () => ({ n: 1024, offset: [0, 16, 256], rows: 32 }),
  tasks: () => ({ n: [4096], rows: 96 }),
  preselection: () => ({ n: [1024], rows: 32 }),
  calibration: async () => ({ head: await readHead(3, 2) }),
  "error-curve": async () => ({ head: await readHead(6, 2), k: [8, 64] }),
  certificates: async () => ({ head: await readHead(3, 2), k: [8, 64] }),
  searches: async () => ({ head: await readHead(3, 2), samples: 1 }),
  "language-model": async () => ({
    decoder: await decoderOf(),
    texts: [{ name: "austen-persuasion", ids: await idsOf("austen-persuasion", 256) }],
    lengths: [128, 256],
  }),
  "pass-keys": async () => ({
    decoder: await decoderOf(),
    filler: await idsOf("austen-persuasion", 256, { bos: false }),
    lengths: [256],
    trials: 1,
  }),
  "model-law": async () => ({
    decoder: await decoderOf(),
    text: { name: "austen-persuasion", ids: await idsOf("austen-persuasion", 256) },
    lengths: [64, 128, 256],
  }),
  "model-heads": async () => {
    const model = await readModel();
    return { model: { ...model, layers: [3] }, recorded: (layer: number, head: number) => readHead(layer, head) };
  },
};

/** Experiments that take a language model. */
const ofModel = ["language-model", "pass-keys", "model-law"];

async function decoderOf(): Promise<Awaited<ReturnType<Heed["Decoder"]["load"]>>> {
  const path = (name: string) => fileURLToPath(new URL(`../../web/lab/assets/decoder/${name}`, import.meta.url));
  decoder ??= heed.Decoder.load({
    config: path("config.json"),
    weights: path("model.safetensors.index.json"),
    tokenizer: path("tokenizer.json"),
    tokenizerConfig: path("tokenizer_config.json"),
  });
  return decoder;
}
let decoder: ReturnType<Heed["Decoder"]["load"]> | undefined;

/** Ids of a novel's beginning. */
async function idsOf(name: string, n: number, options: { bos?: boolean } = {}): Promise<number[]> {
  const text = readFileSync(new URL(`../../web/lab/assets/text/${name}.txt`, import.meta.url), "utf8");
  return [...(await (await decoderOf()).encode(text.slice(0, 8 * n), options))].slice(0, n);
}

/** Claims that are decided by the reader's own head or machine, or known to fail: both verdicts are news. */
const open = new Set([
  "preselection",
  "violations",
  "searches",
  "model-heads",
  "certificates",
  "equal-cost",
  ...ofModel,
]);

interface AnyExperiment {
  id: string;
  parameters: object;
  run(heed: Heed, parameters: object): AsyncIterable<object>;
  claims: readonly { text: string; check(rows: readonly object[]): { holds: boolean; detail: string } | undefined }[];
}

test.each(Object.values(experiments).map((experiment) => [experiment.id, experiment as unknown as AnyExperiment]))(
  "%s runs without a page, decides every claim, and none without rows",
  async (id, { parameters, run, claims }) => {
    const rows: object[] = [];
    for await (const row of run(heed, { ...parameters, ...(await small[id as string]!()) })) rows.push(row);
    expect(rows.length).toBeGreaterThan(1);
    for (const { text, check } of claims) {
      const verdict = check(rows);
      expect({ text, verdict }).toMatchObject({ text, verdict: { detail: expect.any(String) } });
      if (!open.has(id as string)) expect({ text, ...verdict }).toMatchObject({ text, holds: true });
      expect(check([])).toBeUndefined();
    }
  },
);

test.each(Object.values(experiments).map(({ id, parameters }) => [id, parameters] as const))(
  "the precomputed columns of %s are those of its parameters",
  (id, parameters) => {
    const path = new URL(`../../web/lab/assets/precomputed/${id}.json`, import.meta.url);
    // Times are of one machine and are never shown before they were measured.
    // Those of the language model stand in tests/studies/results.
    if (["searches", ...ofModel].includes(id)) return expect(existsSync(path)).toBe(false);
    const stored = JSON.parse(readFileSync(path, "utf8")) as { command: string; parameters: object };
    expect(stored.parameters).toMatchObject(parameters);
    expect(stored.command).toBe(`node web/lab/assets/make-precomputed.mjs ${id}`);
  },
);
