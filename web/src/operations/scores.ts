/** Scores or probabilities as matrices, for looking at attention: this one does need queries x keys of memory. */
import type { ScoresPlan } from "../check/scores.js";
import type { MaskOperand } from "../check/arrays.js";
import { HeedError, reasonOf } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import { checkMaskNumbers, placeMask, placeOperand, rawProblem } from "./operands.js";
import { jobOperation, sequence, type Operation } from "./operation.js";

function newResult(length: number): Float32Array {
  try {
    return new Float32Array(length);
  } catch (error) {
    const advice = "choose one head and one entry, or split the queries";
    throw new HeedError("out-of-memory", `${length} scores do not fit: ${reasonOf(error)}; ${advice}`);
  }
}

/** The (queries, keys) numbers of a mask that count for one head. */
function maskOf(mask: MaskOperand | undefined, head: number, matrix: number): MaskOperand | undefined {
  if (mask === undefined || mask.length === matrix) return mask;
  const [from, to] = [head * matrix, (head + 1) * matrix];
  return mask.kind === "f32"
    ? { ...mask, length: matrix, data: mask.data.subarray(from, to) }
    : { ...mask, length: matrix, data: mask.data.subarray(from, to) };
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
  if (plan.mask && plan.validate) checkMaskNumbers(plan.mask);
  const all = newResult(entries.length * heads.length * matrix);

  const part = (entry: number, head: number) => () =>
    jobOperation(runtime, (scratch: Scratch) => {
      const q = placeOperand(runtime, scratch, plan.q, plan.validate);
      const k = placeOperand(runtime, scratch, plan.k, plan.validate);
      const mask = placeMask(runtime, scratch, maskOf(plan.mask, head, matrix), shape);
      const out = scratch.allocate(matrix * 4, kind);
      const problem = rawProblem(shape, { q, k, out, ...mask });
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
