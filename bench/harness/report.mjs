// Results as Markdown: a table per shape and engine, in the columns that its suite has something to say in.
//
//   node bench/harness/report.mjs results.json      prints the tables of a run again

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { percent, scientific, short, times } from "./format.mjs";

const megabytes = (bytes) => (bytes === undefined ? "" : short(bytes / 2 ** 20));
const spread = ({ p25, p75 }) => `${short(p25)} - ${short(p75)}`;
const median = ({ milliseconds }) => (milliseconds ? short(milliseconds.median) : "");

/** Every column there is: its heading and what it says of a row. */
const columns = {
  candidate: ["candidate", ({ candidate }) => candidate],
  variant: ["variant", ({ variant }) => variant ?? ""],
  threads: ["threads", ({ threads }) => String(threads)],
  median: ["median ms", (row) => (row.milliseconds ? median(row) : verdictOf(row))],
  spread: ["p25 - p75", ({ milliseconds }) => (milliseconds ? spread(milliseconds) : "")],
  samples: ["samples", ({ milliseconds }) => (milliseconds ? String(milliseconds.samples) : "")],
  gflops: ["GFLOP/s", ({ gflops }) => short(gflops)],
  bandwidth: ["GB/s", ({ gigabytesPerSecond }) => short(gigabytesPerSecond)],
  peak: ["of peak", ({ shareOfPeak }) => percent(shareOfPeak)],
  error: ["error", ({ error, kind }) => (kind === "ceiling" ? "" : scientific(error))],
  faster: ["heed is", ({ heedFaster }) => times(heedFaster)],
  extra: ["extra MB", ({ memory }) => megabytes(memory?.extraBytes)],
  speedup: ["speed-up", ({ speedup }) => times(speedup)],
  ofRead: ["of reading", ({ shareOfRead }) => percent(shareOfRead)],
  off: ["off exact", ({ off }) => scientific(off)],
  prefillRate: ["prompt tokens/s", ({ prefillRate }) => short(prefillRate)],
  decodeRate: ["tokens/s", ({ decodeRate }) => short(decodeRate)],
  overPeer: ["over wllama", ({ overPeer }) => times(overPeer)],
  note: ["note", ({ note }) => note ?? ""],
  scaling: ["of the loop's", ({ scaling }) => percent(scaling)],
  ...Object.fromEntries(
    ["import", "create", "first", "again"].map((part) => [
      part,
      [part, ({ parts, ...row }) => (parts ? median({ milliseconds: parts[part] }) : verdictOf(row))],
    ]),
  ),
};

const timed = ["candidate", "variant", "threads", "median", "spread", "samples"];
const columnsOf = {
  exact: [...timed, "gflops", "peak", "error", "faster"],
  sizes: [...timed, "gflops", "peak", "error", "extra"],
  topk: [...timed, "error", "speedup"],
  searches: [...timed, "error", "speedup", "note"],
  decode: [...timed, "bandwidth", "ofRead", "error", "off", "faster", "speedup"],
  peak: [...timed, "gflops", "bandwidth"],
  scaling: [...timed, "gflops", "speedup", "scaling"],
  decoder: [...timed, "prefillRate", "decodeRate", "overPeer", "speedup"],
  start: ["candidate", "variant", "threads", "import", "create", "first", "again"],
};

function verdictOf({ verdict, reason }) {
  return verdict === "right" ? "" : `**${verdict}**${reason ? `: ${reason.replaceAll("|", "/")}` : ""}`;
}

function tableOf({ suite, rows }) {
  // A column that says nothing in any row is left out.
  const shown = columnsOf[suite]
    .map((name) => columns[name])
    .filter(([, cell]) => rows.some((row) => cell(row) !== ""));
  return [
    `| ${shown.map(([heading]) => heading).join(" | ")} |`,
    `|${shown.map(([heading]) => (["candidate", "variant", "note"].includes(heading) ? "---|" : "---:|")).join("")}`,
    ...rows.map((row) => `| ${shown.map(([, cell]) => cell(row)).join(" | ")} |`),
  ].join("\n");
}

/** More than this and single times are too slow by an unknown amount. */
const disturbed = 0.1;

function othersNote(others) {
  if (others === undefined) return "How busy the machine was otherwise is not known here.";
  const used = `Other programs used ${others.toFixed(2)} processors meanwhile`;
  return others > disturbed ? `${used}: **disturbed**, trust ratios more than times.` : `${used}.`;
}

/** The Markdown of one table, with its heading. */
export function tableMarkdown(table) {
  const { suite, engineTitle, title, others } = table;
  return `### ${suite}: ${title} (${engineTitle})\n\n${tableOf(table)}\n\n${othersNote(others)}\n`;
}

/** The Markdown of a whole run. */
export function runMarkdown({ source, machine, quick, tables }) {
  const { processor, threads, memoryGiB, system } = machine;
  const heading = [
    `heed ${source.version}, commit ${source.commit}. ${processor}, ${threads} threads, ${memoryGiB} GiB, ${system}.`,
    ...(quick ? ["**A quick run: it shows that everything works, its times mean nothing.**"] : []),
  ];
  return `${heading.join("\n\n")}\n\n${tables.map(tableMarkdown).join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const file of process.argv.slice(2)) console.log(runMarkdown(JSON.parse(readFileSync(file, "utf8"))));
}
