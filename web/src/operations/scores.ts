/** Scores or probabilities as matrices, for looking at attention: this one does need queries x keys of memory. */
import type { ScoresPlan } from "../check/scores.js";
import { HeedError, reasonOf } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeOperand, rawProblem } from "./operands.js";
import { jobOperation, sequence, type Operation } from "./operation.js";

function newResult(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    const advice = "choose one head and one entry, or split the queries";
    throw new HeedError("out-of-memory", `${length} scores do not fit: ${reasonOf(error)}; ${advice}`);
  }
}

/**
 * (entries, heads, queries, keys). One matrix at a time lies in the module's memory.
 *
 * @throws {HeedError} `out-of-memory`, `disposed`, `internal`
 */
export function prepareScores(
  runtime: Runtime,
  plan: ScoresPlan<Tensor>,
  kind: "scores" | "weights",
): Operation<Float32Array> {
  const { shape, entries, heads } = plan;
  const matrix = shape.queries * shape.keys;
  const all = newResult(entries.length * heads.length * matrix);

  const part = (entry: number, head: number) => () =>
    jobOperation(runtime, (scratch: Scratch) => {
      const q = placeOperand(runtime, scratch, plan.q, plan.validate);
      const k = placeOperand(runtime, scratch, plan.k, plan.validate);
      const out = scratch.allocate(matrix * 4, kind);
      const problem = rawProblem(shape, { q, k, out });
      const job = new runtime.raw.ScoresJob(problem, entry, head, kind === "weights");
      return { job, finish: () => runtime.heap.copyF32(out, matrix, kind) };
    });
  const parts = entries.flatMap((entry) => heads.map((head) => part(entry, head)));
  return sequence(
    parts,
    (scores, at) => all.set(scores, at * matrix),
    () => all,
  );
}
