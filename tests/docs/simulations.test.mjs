// cpp/simulate/README.md is true: every table it reads was made by the command in its first line, and says what the page
// says. The tables are not made again here; `node tests/studies/simulations.mjs` does that.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { read, tables } from "../studies/simulations.mjs";

const of = (name, wanted = {}) =>
  read(name).filter((row) => Object.entries(wanted).every(([column, value]) => row[column] === value));
const one = (name, wanted) => {
  const rows = of(name, wanted);
  assert.equal(rows.length, 1, `${name} ${JSON.stringify(wanted)}`);
  return rows[0];
};
const near = (actual, expected, share, what) =>
  assert.ok(Math.abs(actual - expected) <= share * Math.abs(expected), `${what}: ${actual}, not ${expected}`);

for (const [name, [id, ...settings]] of Object.entries(tables)) {
  test(`${name} names the command that made it`, () => {
    const [first] = readFileSync(new URL(`../studies/results/${name}.csv`, import.meta.url), "utf8").split("\n");
    assert.equal(first, `# heed sweep ${[id, ...settings.flatMap((setting) => ["--set", setting])].join(" ")}`);
    const rows = read(name);
    assert.ok(rows.length > 0);
    for (const row of rows) if ("violations" in row) assert.equal(row.violations, 0);
  });
}

test("E1: for independent weights the share follows the closed form; the identity keeps the token itself", () => {
  for (const row of of("E1-independent")) {
    if (row.n >= 128) assert.ok(Math.abs(row.ineffectiveShare - row.closedForm) < 1.5 / 64, JSON.stringify(row));
  }
  near(one("E1-identity", { n: 256 }).effective, 1.51, 0.1, "n = 256");
  near(one("E1-identity", { n: 4096 }).effective, 1, 0.03, "n = 4096");
});

test("E2: l2 falls for n^C and rises for constant k; the dropped mass rises for all; the spectral norm vanishes", () => {
  const curve = (rule, value, column, name = "E2-independent") => of(name, { rule, value }).map((row) => row[column]);
  const last = (numbers) => numbers.at(-1) / numbers.at(2); // from 256 on
  for (const value of [0.5, 0.75]) assert.ok(last(curve("power", value, "l2")) < 0.7, `n^${value}`);
  assert.ok(last(curve("constant", 8, "l2")) > 1.05);
  for (const [rule, value] of [
    ["constant", 8],
    ["power", 0.25],
    ["power", 0.5],
    ["power", 0.75],
    ["log", 1],
  ]) {
    assert.ok(last(curve(rule, value, "dropped")) > 1, `${rule} ${value}`);
  }
  for (const row of of("E2-spectral")) assert.ok(row.spectral <= Math.sqrt(2 / row.n));
  assert.ok(curve("constant", 1, "spectral", "E2-spectral").at(-1) < 0.004);
  // Self-collapse: a constant k gets worse quickly.
  assert.ok(one("E2-identity", { n: 4096, rule: "constant", value: 8 }).l2 > 0.5);
});

test("E3: costs agree, n^0.001 is a fixed window, and the winners are as the page counts them", () => {
  for (const row of of("E3-equal-cost")) {
    near(row.dynamicCost, row.fixedCost, 0.004, "cost");
    if (row.exponent !== 0.001) continue;
    near(row.dynamicL2, row.fixedL2, 0.01, "l2 of n^0.001");
    // Aligned at one length it may keep an entry more elsewhere.
    if (row.alignment === "oneLength") continue;
    for (const column of ["winnerL2", "winnerWorstL2", "winnerDropped"]) assert.equal(row[column], "equal");
  }
  const page = readFileSync(new URL("../../cpp/simulate/README.md", import.meta.url), "utf8");
  for (const line of winners()) assert.ok(page.includes(line), line);
});

/** Lines of the page's table of winners, without the alignment at one length and without C = 0.001. */
export function winners() {
  const groups = new Map();
  for (const row of of("E3-equal-cost")) {
    if (row.exponent === 0.001 || row.alignment === "oneLength") continue;
    const key = `${row.scores} ${row.value}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const count = (rows, column) =>
    ["fixed", "dynamic", "equal"].map((word) => rows.filter((row) => row[column] === word).length).join(" / ");
  const columns = ["winnerL2", "winnerWorstL2", "winnerDropped", "winnerWorstDropped"];
  return [...groups].map(([key, rows]) => `| ${[key, ...columns.map((column) => count(rows, column))].join(" | ")} |`);
}

test("E4: l2 sqrt(k) lies between its bounds, and stays above a constant for independent weights", () => {
  for (const name of ["E4-independent", "E4-identity"]) {
    for (const { scaled, least, most } of of(name)) assert.ok(least <= scaled * 1.0001 && scaled <= most * 1.0001);
  }
  for (const { least } of of("E4-independent", { n: 8192 })) assert.ok(least > 0.85);
});

test("E5: the regimes are told apart, and the crossover is where the theory puts it", () => {
  for (const row of of("E5-sigma")) if (row.gamma < 0.4) near(row.entropy, row.entropyPredicted, 0.03, "entropy");
  const [below, above] = [1448, 2048].map((n) => one("E5-identity", { n }));
  assert.ok(below.self > 0.5 && above.self < 0.5);
  for (const row of of("E5-gamma", { n: 16384 })) {
    assert.equal(row.regime, row.gamma < 0.5 ? "dispersion" : row.gamma < 1 ? "condensation" : "frozen");
  }
});

test("E6: the strict bound holds; it is loose but for bounded inputs", () => {
  for (const name of Object.keys(tables).filter((each) => each.startsWith("E6"))) {
    for (const row of of(name)) assert.equal(row.violated, 0, name);
  }
  for (const row of of("E6-rademacher-orthogonal")) assert.ok(row.strictRatio > 0.6);
  for (const row of of("E6-student")) assert.ok(row.strictRatio < 0.05);
});

test("E7: within 5 % of the closed form where it applies", () => {
  for (const row of of("E7-mass", { applies: "yes" })) near(row.share, row.closedShare, 0.05, JSON.stringify(row));
});

test("E8: the global threshold drops least in total, top-p has the least worst row", () => {
  for (const name of ["E8-none", "E8-independent"]) {
    for (const budget of [16, 64, 256]) {
      const all = of(name, { budget, from: 0 });
      const least = (column) => all.reduce((best, row) => (row[column] < best[column] ? row : best)).policy;
      assert.equal(least("dropped"), "threshold");
      assert.equal(least("droppedWorst"), "topP");
    }
  }
});

test("E9: a sink and strong duplicates change the exponent; rows of the table hold its columns", () => {
  const sink = of("E9-sink");
  assert.ok(sink.at(-1).keepLongest < sink[0].keepLongest);
  for (const name of ["E9-stationary", "E9-duplicates"]) {
    near(of(name)[0].exponent, 1, 0.05, name);
  }
});

test("E11: what is fitted on a quarter holds within 10 % on stationary data", () => {
  for (const name of ["E11-none", "E11-weights", "E11-gain-2"]) {
    for (const row of of(name, { method: "fit" })) assert.ok(Math.abs(row.error) <= 0.1, JSON.stringify(row));
  }
});
