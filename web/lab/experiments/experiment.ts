/**
 * An experiment is a value: a yes-or-no question, and claims that are checked against the rows just computed. Prose on
 * a page may only say what a claim checks; when the numbers differ on somebody's machine, the page says so.
 */
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

export interface Experiment<Parameters, Row> {
  id: string;
  question: string;
  parameters: Parameters;
  claims: readonly Claim<Row>[];
}

export function defineExperiment<Parameters, Row>(
  experiment: Experiment<Parameters, Row>,
): Experiment<Parameters, Row> {
  return experiment;
}
