// What the long runs counted, kept as data and shown as the table in tests/fuzz/README.md.

import { existsSync, readFileSync } from "node:fs";

import { writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { targets } from "./targets.mjs";

const data = fromRoot("tests", "fuzz", "results.json");
const page = fromRoot("tests", "fuzz", "README.md");
const [begin, end] = ["<!-- results -->\n", "<!-- /results -->"];

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, " ");

/** The table, for those targets that were run. */
export function tableOf(results) {
  const rows = targets
    .filter(({ name }) => name in results)
    .map(({ name, kind }) => {
      const { seconds, executions, coverage, findings, inputs, bytes } = results[name];
      const covered = `${grouped(coverage)} ${kind === "native" ? "edges" : "blocks"}`;
      const cells = [name, `${seconds} s`, grouped(executions), covered, findings, `${inputs}, ${grouped(bytes)} B`];
      return `| ${cells.join(" | ")} |`;
    });
  return [
    "| target | run for | inputs run | covered | findings in this run | corpus |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** Records results by name and writes the table anew. */
export function record(fresh) {
  const kept = existsSync(data) ? JSON.parse(readFileSync(data, "utf8")) : {};
  const results = { ...kept, ...fresh };
  const ordered = Object.fromEntries(targets.flatMap(({ name }) => (name in results ? [[name, results[name]]] : [])));
  writeIfChanged(data, `${JSON.stringify(ordered, null, 2)}\n`);
  const text = readFileSync(page, "utf8");
  const [before, after] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  writeIfChanged(page, text.slice(0, before) + tableOf(ordered) + text.slice(after));
}
