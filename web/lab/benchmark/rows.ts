/** Rows of a table: what can only be said beside the others, and each as text. */
import { scientific, short, times } from "../../../bench/harness/format.mjs";
import type { PlannedEntry } from "./tables.js";
import type { Row } from "./types.js";

/** Rows in the order of their entries, completed by comparing those that did the same. */
export function compared(rows: readonly Row[], entries: readonly PlannedEntry[]): Row[] {
  const timed = rows.map((row, i) => ({ row, entry: entries[i]! })).filter(({ row }) => row.milliseconds !== undefined);
  return rows.map((row, i) => {
    const entry = entries[i]!;
    if (entry.kind === "ceiling") return row;
    const { flops, bytes } = entry.shape as { flops: number; bytes: number };
    const complete: Row = { ...row, intensity: flops / bytes };
    if (row.milliseconds === undefined) return complete;
    const heed = timed.filter(({ row: one }) => one.kind === "heed" && one.threads === row.threads);
    const ratio = (others: typeof heed): number | undefined => {
      const least = Math.min(...others.map(({ row: one }) => one.milliseconds!.median));
      return Number.isFinite(least) ? row.milliseconds!.median / least : undefined;
    };
    if (row.kind === "peer") {
      const factor = ratio(heed.filter((one) => one.entry.does === entry.does));
      if (factor !== undefined) complete.heedFaster = factor;
    } else {
      // The first exact row of the same build: a later one has a smaller cache, or is itself top-k.
      const [exact] = heed.filter((one) => one.entry.does === "exact" && one.row.variant === row.variant);
      const factor = exact === undefined || exact.row === row ? undefined : ratio([exact]);
      if (factor !== undefined) complete.speedup = 1 / factor;
    }
    return complete;
  });
}

export interface Column {
  name: string;
  /** Numbers stand below each other at the right. */
  number: boolean;
  cell: (row: Row) => string;
}

const text = (name: string, cell: Column["cell"]): Column => ({ name, number: false, cell });
const number = (name: string, cell: Column["cell"]): Column => ({ name, number: true, cell });

const all: readonly Column[] = [
  text("candidate", ({ candidate }) => candidate),
  text("build", buildOf),
  number("threads", ({ threads }) => String(threads)),
  number("median ms", ({ milliseconds }) => short(milliseconds?.median)),
  number("error", ({ error, kind }) => (kind === "ceiling" ? "" : errorText(error))),
  number("95 % interval", ({ milliseconds }) => milliseconds?.interval?.map(short).join(" – ") ?? ""),
  number("against heed", besideText),
  number("GFLOP/s", ({ gflops }) => short(gflops)),
  number("GB/s", ({ gigabytesPerSecond }) => short(gigabytesPerSecond)),
  number("p75", ({ milliseconds }) => short(milliseconds?.p75)),
  number("samples", ({ milliseconds }) =>
    milliseconds === undefined ? "" : `${milliseconds.samples} × ${milliseconds.batch}`,
  ),
  number("first ms", ({ firstCall }) => short(firstCall)),
];

/** Which of its builds a candidate used, and of which version where it is not heed's. */
export function buildOf({ variant, kind, version }: Row): string {
  if (kind === "ceiling") return "";
  return [variant, kind === "peer" ? version : undefined].filter(Boolean).join(" ");
}

/** Columns that have something to say of these rows. */
export function columnsOf(rows: readonly Row[]): Column[] {
  return all.filter(({ cell }) => rows.some((row) => cell(row) !== ""));
}

/** Why a row has no time. */
export function verdictText({ verdict, reason }: Row): string {
  if (verdict === undefined || verdict === "right") return "";
  return reason === undefined ? verdict : `${verdict}: ${reason}`;
}

function errorText(error: number | undefined): string {
  if (error === 0) return "0";
  return error === Infinity ? "∞" : scientific(error);
}

/** A ratio in which more than one is faster. */
function besideText({ kind, heedFaster, speedup, candidate }: Row): string {
  if (kind === "peer") return heedFaster === undefined ? "" : `heed ${times(heedFaster)}`;
  if (speedup === undefined) return "";
  return `${times(speedup)} of ${candidate.includes("cache") ? "f32" : "exact"}`;
}
