/**
 * An experiment is a value: a yes-or-no question, how its rows are computed, and claims that are checked against the
 * rows just computed. Prose on a page may only say what a claim checks; when the numbers differ on somebody's machine,
 * the page says so.
 */
import type { create } from "heed";

export type Heed = Awaited<ReturnType<typeof create>>;

/** As every long call of heed takes them. */
export interface RunOptions {
  signal?: AbortSignal;
  onProgress?: (progress: { loaded: number; total: number }) => void;
}

export interface Verdict {
  holds: boolean;
  /** The numbers that decided, for the reader. */
  detail: string;
}

export interface Claim<Row> {
  text: string;
  /** Undefined when these rows cannot decide. */
  check(rows: readonly Row[]): Verdict | undefined;
}

export interface Experiment<Defaults, Parameters, Row> {
  id: string;
  question: string;
  /** What is run when nobody says otherwise; the precomputed columns are those. */
  parameters: Defaults;
  /** Takes the defaults, changed or not, and what has no default: the rows of a head, a model. */
  run(heed: Heed, parameters: Parameters, options?: RunOptions): AsyncIterable<Row>;
  claims: readonly Claim<Row>[];
}

export function defineExperiment<Defaults, Parameters, Row>(
  experiment: Experiment<Defaults, Parameters, Row>,
): Experiment<Defaults, Parameters, Row> {
  return experiment;
}
