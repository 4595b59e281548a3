/**
 * The names that every cell knows. They replace Notebook Kit's own library, which loads from a content delivery
 * network; here everything is part of the build. README.md lists them for readers.
 *
 * `heed` is not among them: the notebook defines it as a variable of its own, so that cells follow when it is
 * exchanged.
 */
import * as Inputs from "@observablehq/inputs";
import { library as notebookKit } from "@observablehq/notebook-kit/runtime";
import { html, svg } from "htl";
import { heatmap } from "../elements/attn-heatmap.js";
import { keyNumbers } from "../elements/key-numbers.js";
import { claims } from "../elements/lab-claims.js";
import { figure } from "../elements/lab-figure.js";
import * as experiments from "../experiments/index.js";
import { ruleName } from "../experiments/sufficiency.js";
import { methodNames, taskNames } from "../experiments/tasks.js";
import { violationKinds } from "../experiments/violations.js";
import { field } from "../plots/field.js";
import { grid } from "../plots/grid.js";
import { lines } from "../plots/lines.js";
import { scatter } from "../plots/scatter.js";
import { spots } from "../plots/spots.js";
import { fileDrop } from "../elements/file-drop.js";
import { longTask, until } from "./long-task.js";
import { parameter } from "./parameter.js";
import * as Plot from "./plot.js";
import { persuasion } from "./persuasion.js";
import { precomputed } from "./precomputed.js";
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
  field,
  grid,
  lines,
  scatter,
  spots,
  ruleName,
  violationKinds,
  taskNames,
  methodNames,
  fileDrop,
  precomputed,
  claims,
  experiments,
  persuasion,
  ...statistics,
};

export function builtins(): Record<string, () => unknown> {
  return {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, () => value])),
    // Loaded by the notebooks that read models.
    exampleModel: async () => (await import("./model-file.js")).exampleModel,
    openModel: async () => (await import("./model-file.js")).openModel,
    modelSource: async () => (await import("../device/index.js")).modelSource,
    policyPair: async () => (await import("../device/index.js")).policyPair,
    modelWriter: async () => (await import("../device/index.js")).modelWriter,
    passKeyHunt: async () => (await import("../device/index.js")).passKeyHunt,
    novel: async () => (await import("../device/texts.js")).novel,
    studyTables: async () => (await import("./study-tables.js")).studyTables,
    htl: () => ({ html, svg }),
    md: async () => (await import("./markdown.js")).md,
    Generators: notebookKit.Generators,
    Mutable: notebookKit.Mutable,
    now: notebookKit.now,
  };
}
