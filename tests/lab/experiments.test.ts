/** Every experiment runs without a page, its claims hold, and each claim can fail. */
import { create } from "heed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { collapse, errorCurve } from "../../web/lab/experiments/index.js";

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

test("error curve: claims judge what they are given", () => {
  const row = (k: number, estimator: string, error: number, dropped: number) => ({ k, estimator, error, dropped });
  const good = [row(1, "renormalized", 2, 0.5), row(1, "compensated", 1, 0.5), row(2, "compensated", 0.5, 0.4)];
  const worse = [row(1, "renormalized", 1, 0.5), row(1, "compensated", 2, 0.5), row(2, "compensated", 0.5, 0.6)];
  for (const { check } of errorCurve.claims) {
    expect(check(good)?.holds).toBe(true);
    expect(check(worse)?.holds).toBe(false);
    expect(check([])).toBeUndefined();
  }
});
