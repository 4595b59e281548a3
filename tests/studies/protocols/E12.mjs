// E12: which keys does a sum in a narrow format lose?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, one, select } from "../tables.mjs";

const lengths = "n=256,1024,4096,16384,65536";
const formats = ["f32", "bf16", "f16", "e4m3", "e5m2", "int8"];

/** What is proved: a naive sum loses no key above half a unit in its last place. Rounding up adds a hundredth. */
function losesOnlySmallKeys(rows) {
  for (const row of select(rows, { method: "naive" })) {
    assert.ok(row.lost <= 1.01 * (row.keys - row.visible) + 0.5, JSON.stringify(row));
    if (row.visible === row.keys) assert.equal(row.lost, 0);
  }
  for (const row of select(rows, { format: "f64" })) if (row.method !== "topK") assert.ok(row.outputError < 1e-12);
}

export default {
  id: "E12",
  tables: {
    "E12-independent": ["E12", lengths, "rows=32"],
    "E12-identity": ["E12", lengths, "rows=32", "weights=identity"],
  },
  quick: [{ args: ["n=256,4096", "rows=8"], holds: losesOnlySmallKeys }],
  claims: {
    "a naive sum loses only keys below half a unit in its last place": () => {
      for (const name of ["E12-independent", "E12-identity"]) losesOnlySmallKeys(of(name));
    },
    "naive sums in 16 bits get worse with n, Kahan's and pairwise ones hardly": () => {
      for (const format of ["bf16", "f16"]) {
        const error = (method, n) => one("E12-independent", { format, method, n }).outputError;
        assert.ok(error("naive", 16384) > 20 * error("naive", 256), format);
        for (const method of ["kahan", "pairwise"]) {
          assert.ok(error(method, 65536) < 0.05, `${format} ${method}`);
          assert.ok(error("naive", 65536) > 20 * error(method, 65536), `${format} ${method}`);
        }
      }
    },
    "single precision loses less than a key a row, from 65536 on": () => {
      for (const row of of("E12-independent", { format: "f32" }))
        if (row.method !== "topK") assert.ok(row.lost < (row.n > 16384 ? 1 : 1e-9) && row.outputError < 1e-5);
    },
    "keys that come late are lost first": () => {
      for (const n of [256, 1024, 4096])
        assert.ok(one("E12-independent", { format: "f16", method: "naive", n }).lostPosition > 0.6, String(n));
    },
  },
  figures: {
    E12: () => {
      const bars = (column) => (column === "outputError" ? { error: "outputErrorError" } : {});
      const rows = of("E12-independent").map((row) => ({ ...row, share: row.lost / row.keys }));
      const naive = (column) =>
        formats.map((format) => line(format, select(rows, { format, method: "naive" }), "n", column, bars(column)));
      const better = formats
        .filter((format) => format !== "int8")
        .map((format) =>
          line(format, select(rows, { format, method: "kahan" }), "n", "outputError", bars("outputError")),
        );
      return {
        title: "Lost keys and output errors of sums in narrow formats, independent weights",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "" },
        panels: [
          { title: "share of keys lost, naive", y: { label: "", from: 0, to: 1 }, lines: naive("share") },
          {
            title: "output error, naive",
            y: { label: "", scale: "log", from: 1e-7, to: 100 },
            lines: naive("outputError"),
          },
          { title: "output error, Kahan", y: { label: "", scale: "log", from: 1e-7, to: 100 }, lines: better },
        ],
      };
    },
  },
};
