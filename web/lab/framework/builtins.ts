/**
 * The names that every cell knows. They replace Notebook Kit's own library, which loads from a content delivery
 * network; here everything is part of the build. README.md lists them for readers.
 *
 * `heed` is not among them: the notebook defines it as a variable of its own, so that cells follow when it is
 * exchanged.
 */
import * as Inputs from "@observablehq/inputs";
import { library as notebookKit } from "@observablehq/notebook-kit/runtime";
import * as Plot from "@observablehq/plot";
import { html, svg } from "htl";
import { heatmap } from "../elements/attn-heatmap.js";
import { keyNumbers } from "../elements/key-numbers.js";
import { claims } from "../elements/lab-claims.js";
import { figure } from "../elements/lab-figure.js";
import * as experiments from "../experiments/index.js";
import { lines } from "../plots/lines.js";
import { spots } from "../plots/spots.js";
import { longTask, until } from "./long-task.js";
import { parameter } from "./parameter.js";
import { persuasion } from "./persuasion.js";
import * as statistics from "./statistics.js";

const values = {
  Inputs,
  Plot,
  html,
  svg,
  parameter,
  longTask,
  until,
  figure,
  heatmap,
  keyNumbers,
  lines,
  spots,
  claims,
  experiments,
  persuasion,
  ...statistics,
};

export function builtins(): Record<string, () => unknown> {
  return {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, () => value])),
    htl: () => ({ html, svg }),
    md: notebookKit.md,
    Generators: notebookKit.Generators,
    Mutable: notebookKit.Mutable,
    now: notebookKit.now,
  };
}
