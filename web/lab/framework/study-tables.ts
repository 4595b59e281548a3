/** The tables of study E21 as `heed eval` wrote them (tests/studies/results), row by row. */
import calibration from "../../../tests/studies/results/E21-calibration.csv?raw";
import loss from "../../../tests/studies/results/E21-loss.csv?raw";
import passKey from "../../../tests/studies/results/E21-passkey.csv?raw";
import type { LossRow } from "../experiments/language-model.js";
import type { ModelLawRow } from "../experiments/model-law.js";
import type { PassKeyRow } from "../experiments/pass-keys.js";
import { parseTable } from "./parse-table.js";

/** Rows of an earlier run, as figures and claims take them. */
type Earlier<Row> = Row[] & { state: "precomputed" };

function earlier<Row>(text: string): Earlier<Row> {
  return Object.assign(parseTable(text) as Row[], { state: "precomputed" } as const);
}

export const studyTables = {
  loss: earlier<LossRow & { kept: number; dropped: number }>(loss),
  passKeys: earlier<PassKeyRow>(passKey),
  law: earlier<ModelLawRow>(calibration),
};
