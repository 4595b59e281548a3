/** A result as text for an issue or a script. */
import { short } from "../../../bench/harness/format.mjs";
import { pointsOf, roofsOf } from "./roofline.js";
import { columnsOf, verdictText } from "./rows.js";
import type { MeasuredTable, Result } from "./run.js";

/** Grows when a field changes its meaning. */
const schema = 1;

export function toJson(result: Result, link: string, complete: boolean): string {
  const { tables, ...rest } = result;
  const report = { schema, link, complete, ...rest, tables, roofs: roofsOf(tables), points: pointsOf(tables) };
  return `${JSON.stringify(report, undefined, 2)}\n`;
}

export function toMarkdown(result: Result, link: string, complete: boolean): string {
  const { environment, started, tables } = result;
  const { heed, browser, cores, memoryGiB, isolated, timerStep } = environment;
  const facts = [
    `heed ${heed}, ${browser}`,
    cores === 1 ? "1 core" : `${cores} cores`,
    ...(memoryGiB === undefined ? [] : [`${memoryGiB} GiB or more`]),
    isolated ? "isolated" : "not isolated (no threads, coarse clock)",
    `clock step ${clockText(timerStep)}`,
    started,
  ];
  const roofs = roofsOf(tables).map(
    ({ threads, peak, bandwidth }) => `${threads}: ${short(peak)} GFLOP/s, ${short(bandwidth)} GB/s`,
  );
  return (
    [
      `${facts.join("; ")}.`,
      ...(complete ? [] : ["**Aborted: these rows are not complete.**"]),
      ...tables.map(tableMarkdown),
      ...(roofs.length > 0 ? [`What the machine allows, by threads: ${roofs.join("; ")}.`] : []),
      `Repeat: ${link}`,
    ].join("\n\n") + "\n"
  );
}

function tableMarkdown({ title, rows }: MeasuredTable): string {
  const columns = columnsOf(rows);
  const cells = rows.map((row) => {
    const verdict = verdictText(row);
    return columns.map(({ name, cell }) => {
      const shown = cell(row);
      return (name === "median ms" && verdict !== "" ? `**${verdict}**` : shown).replaceAll("|", "\\|");
    });
  });
  return [
    `### ${title}`,
    "",
    `| ${columns.map(({ name }) => name).join(" | ")} |`,
    `|${columns.map(({ number }) => (number ? "---:|" : "---|")).join("")}`,
    ...cells.map((row) => `| ${row.join(" | ")} |`),
  ].join("\n");
}

/** "5 µs", "0.1 ms" */
export function clockText(milliseconds: number): string {
  return milliseconds < 0.1
    ? `${Number((1000 * milliseconds).toPrecision(2))} µs`
    : `${Number(milliseconds.toPrecision(2))} ms`;
}
