// The tables of study E21 in README.md, from the rows that `heed eval` wrote:
//
//   node tests/studies/language_model.mjs      prints them as they stand there

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Rows of tests/studies/results/E21-<name>.csv by column. */
export function rowsOf(name) {
  const text = readFileSync(new URL(`results/E21-${name}.csv`, import.meta.url), "utf8");
  const [head, ...lines] = text.trim().split("\n");
  const columns = head.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [columns[i], cell])));
}

const novels = ["austen-persuasion", "doyle-valley-of-fear"];
const lengths = [2048, 4096];

const more = (row) => {
  const number = Number(row.more);
  return `${number < 0 ? "-" : "+"}${Math.abs(number).toFixed(4)}`;
};

/** Nats a token more than with exact attention, by policy: a column for each novel and length. */
export function policyTable() {
  const rows = rowsOf("loss");
  const find = (text, n, policy, estimator) =>
    rows.find(
      (row) => row.text === text && Number(row.n) === n && row.policy === policy && row.estimator === estimator,
    );
  const policies = rows.filter(({ text, n, policy }) => text === novels[0] && n === "2048" && policy !== "exact");
  const head = [
    "entries of a row",
    "estimator",
    "kept at 2048",
    ...novels.flatMap((_, i) => lengths.map((n) => `${["Persuasion", "Valley of Fear"][i]} ${n}`)),
  ];
  const exact = novels.flatMap((text) => lengths.map((n) => Number(find(text, n, "exact", "").loss).toFixed(4)));
  const body = policies.map(({ policy, estimator, kept }) => [
    ...[policy, estimator || "-", Number(kept).toFixed(1)],
    ...novels.flatMap((text) => lengths.map((n) => more(find(text, n, policy, estimator)))),
  ]);
  const all = [["all (the loss itself)", "-", "1024.5", ...exact], ...body];
  return [head, head.map((_, i) => (i < 2 ? "---" : "---:")), ...all].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(policyTable());
