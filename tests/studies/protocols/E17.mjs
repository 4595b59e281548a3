// E17: does attention still give the known answer as the context grows?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, one } from "../tables.mjs";

const lengths = [256, 1024, 4096, 16384];
const topK = ["plain", "renormalized", "compensated", "linear"];
const mitigations = ["plain", "logLength", "adaptive", "normalized", "scaledTopK", "bfloat"];

/** Retrieval survives top-k, averaging fails with the renormalized one and is repaired. */
function criteria(at, n) {
  for (const task of ["needle", "needles", "induction"]) {
    assert.ok(at(n, task, "renormalized").accuracy > at(n, task, "plain").accuracy - 0.05, `${task} at ${n}`);
  }
  assert.ok(at(n, "average", "plain").accuracy > 0.9);
  assert.ok(at(n, "average", "renormalized").accuracy < 0.5);
  for (const repair of ["compensated", "linear"]) assert.ok(at(n, "average", repair).accuracy > 0.9, repair);
}
const bars = { error: "accuracyError" };
const from = (name) => (n, task, method) => one(name, { n, task, method });
const tables = {
  "E17-tasks": ["E17", "n=256,1024,4096,16384"],
  "E17-uneven": ["E17", "n=256,1024,4096,16384", "spread=0.5", "rows=128"],
};

export default {
  id: "E17",
  tables,
  quick: [
    {
      args: ["n=4096", "rows=96"],
      holds: (rows) =>
        criteria(
          (n, task, method) => rows.find((row) => row.n === n && row.task === task && row.method === method),
          4096,
        ),
    },
  ],
  claims: {
    "retrieval survives top-k, averaging fails with the renormalized one and is repaired by compensation": () => {
      for (const n of [4096, 16384]) criteria(from("E17-tasks"), n);
    },
    "each mitigation helps with what it is for, and none with everything": () => {
      const [at, uneven] = [from("E17-tasks"), from("E17-uneven")];
      assert.ok(at(16384, "needle", "logLength").accuracy > at(16384, "needle", "plain").accuracy + 0.1);
      assert.ok(at(16384, "average", "logLength").error > 2 * at(16384, "average", "plain").error);
      assert.ok(uneven(4096, "needle", "normalized").accuracy > uneven(4096, "needle", "plain").accuracy + 0.2);
      assert.ok(at(16384, "maximum", "adaptive").accuracy > at(16384, "maximum", "plain").accuracy);
      assert.ok(at(16384, "average", "adaptive").accuracy < 0.5);
      // Dividing all weights by one number changes no largest class.
      for (const n of lengths) {
        for (const method of ["offByOne", "sink"]) {
          assert.equal(at(n, "needle", method).accuracy, at(n, "needle", "plain").accuracy);
        }
      }
      assert.ok(at(16384, "average", "bfloat").error > 5 * at(16384, "average", "plain").error);
    },
  },
  figures: {
    E17: () => {
      const panel = (task) => ({
        title: task,
        lines: topK.map((method) => line(method, of("E17-tasks", { task, method }), "n", "accuracy", bars)),
      });
      return {
        title: "Accuracy of top-k attention with k = 64 over n, five tasks",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "accuracy", from: 0, to: 1 },
        panels: ["needle", "needles", "average", "induction", "maximum"].map(panel),
      };
    },
    "E17-mitigations": () => {
      const panel = (title, name, task) => ({
        title,
        lines: mitigations.map((method) => line(method, of(name, { task, method }), "n", "accuracy", bars)),
      });
      return {
        title: "Accuracy with mitigations over n",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "accuracy", from: 0, to: 1 },
        panels: [
          panel("needle", "E17-tasks", "needle"),
          panel("average", "E17-tasks", "average"),
          panel("maximum", "E17-tasks", "maximum"),
          panel("needle, keys of uneven length", "E17-uneven", "needle"),
          panel("induction, uneven length", "E17-uneven", "induction"),
          panel("needles, uneven length", "E17-uneven", "needles"),
        ],
      };
    },
  },
};
