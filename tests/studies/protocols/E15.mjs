// E15: does the error of sparse attention grow through many layers?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, select } from "../tables.mjs";

const deep = ["n=512", "keep=23", "layers=24", "repeats=3"];

/** With a residual path errors add up like independent vectors at first; an MLP keeps it at that. */
function addsUp(rows) {
  for (const row of select(rows, { residual: "yes" })) {
    if (!(row.accumulated <= 1.4)) assert.ok(row.layer > 12 || Number.isNaN(row.accumulated), JSON.stringify(row));
    if (row.mlp === "yes") assert.ok(!(row.accumulated > 1.15), JSON.stringify(row));
    if (row.layer > 6) assert.ok(row.growth <= 1.35, JSON.stringify(row));
    // Unrelated vectors of one length are sqrt(2) apart.
    assert.ok(row.error < 1.5, JSON.stringify(row));
  }
}
const kind = ({ norm, mlp }) => `${norm}-norm${mlp === "yes" ? ", MLP" : ""}`;
const kinds = (rows) => [...new Set(rows.map(kind))];
const lines = (rows, column, prefix = "") =>
  kinds(rows).map((name) =>
    line(
      prefix + name,
      rows.filter((row) => kind(row) === name),
      "layer",
      column,
      column === "error" ? { error: "errorError" } : {},
    ),
  );

export default {
  id: "E15",
  tables: {
    "E15-all": ["E15", ...deep],
    "E15-alternate": ["E15", "residual=true", "sparsify=alternate", ...deep],
    "E15-compensated": ["E15", "residual=true", "estimator=compensated", ...deep],
  },
  quick: [{ args: ["n=128", "layers=8", "keep=11", "repeats=2"], holds: addsUp }],
  claims: {
    "errors add up with a residual path, and do not explode": () => {
      for (const name of ["E15-all", "E15-alternate", "E15-compensated"]) addsUp(of(name));
    },
    "without a residual path tokens become one": () => {
      for (const row of of("E15-all", { residual: "no", layer: 12 })) {
        assert.ok(row.cosine > 0.99 && row.entropyShare > 0.99, JSON.stringify(row));
      }
    },
    "the mean of the dropped values helps everywhere": () => {
      for (const row of of("E15-compensated")) {
        const { norm, mlp, layer } = row;
        const [other] = of("E15-all", { residual: "yes", norm, mlp, layer });
        assert.ok(row.error < 0.5 * other.error, JSON.stringify(row));
      }
    },
    "sparse in every second layer only is better than in all, while tokens differ": () => {
      for (const row of of("E15-alternate", { layer: 6 })) {
        const [other] = of("E15-all", { residual: "yes", norm: row.norm, mlp: row.mlp, layer: 6 });
        assert.ok(row.error < other.error);
      }
    },
  },
  figures: {
    E15: () => {
      const [all, compensated] = [of("E15-all"), of("E15-compensated")];
      const [yes, no] = ["yes", "no"].map((residual) => select(all, { residual }));
      const error = { label: "relative error", scale: "log", from: 0.01, to: 2 };
      return {
        title: "The error of sparse attention through 24 random layers",
        x: { label: "layer", from: 1, to: 24 },
        y: error,
        panels: [
          { title: "with residual path", lines: lines(yes, "error") },
          { title: "without", lines: lines(no, "error") },
          { title: "with, mean compensated", lines: lines(compensated, "error") },
          {
            title: "error over added errors, with",
            y: { label: "", scale: "linear", from: 0, to: 2 },
            lines: lines(yes, "accumulated"),
          },
          {
            title: "cosine of two tokens, with",
            y: { label: "", scale: "linear", from: 0, to: 1 },
            lines: lines(yes, "cosine"),
          },
          {
            title: "cosine of two tokens, without",
            y: { label: "", scale: "linear", from: 0, to: 1 },
            lines: lines(no, "cosine"),
          },
        ],
      };
    },
  },
};
