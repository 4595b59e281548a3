/** One point of a simulation: a job, and the rows of its table. */
import type { CollapsePoint, ProtocolPoint, SimulationPoint } from "../check/simulate.js";
import type { CollapseRow, SimulationRow } from "../results.js";
import type { StudyRuntime } from "../runtime/runtime.js";
import { placeOperand } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";

/** Rows by the names of their columns; "policy:fixed|dynamic" is a column of words, numbered in the table. */
function rowsOf(columns: string, table: Float64Array): SimulationRow[] {
  const heads = columns.split(",").map((column) => {
    const [name = "", words] = column.split(":");
    return { name, words: words?.split("|") };
  });
  return Array.from({ length: table.length / heads.length }, (_, row) => {
    const cells = heads.map(({ name, words }, i) => {
      const number = table[row * heads.length + i] as number;
      return [name, words ? words[number] : number];
    });
    return Object.fromEntries(cells) as SimulationRow;
  });
}

function prepareProtocol(runtime: StudyRuntime, { id, numbers, q, k }: ProtocolPoint): Operation<SimulationRow[]> {
  const { heap, raw } = runtime;
  return jobOperation(runtime, (scratch) => {
    const address = scratch.allocate(numbers.length * 8, "parameters");
    heap.write(address, Float64Array.from(numbers));
    const [queries, keys] = [q, k].map((operand) => (operand ? placeOperand(runtime, scratch, operand, true) : 0));
    const job = new raw.Simulation(id, address, numbers.length, queries as number, keys as number);
    const finish = () => {
      const columns = job.columns();
      const count = job.rows() * columns.split(",").length;
      return rowsOf(columns, heap.copyF64(job.table(), count, "rows"));
    };
    return { job, finish };
  });
}

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal`, `non-finite` */
export function prepareSimulation(runtime: StudyRuntime, point: SimulationPoint): Operation<SimulationRow[]> {
  return point.kind === "collapse" ? prepareCollapse(runtime, point) : prepareProtocol(runtime, point);
}

function prepareCollapse(runtime: StudyRuntime, point: CollapsePoint): Operation<CollapseRow[]> {
  const { n, headDim, epsilon } = point;
  const { heap, raw } = runtime;
  return jobOperation(runtime, (scratch) => {
    const epsilons = epsilon.length;
    const [thresholds, effective, sigma] = [
      scratch.allocate(epsilons * 8, "epsilon"),
      scratch.allocate(epsilons * 8, "effective"),
      scratch.allocate(8, "sigma"),
    ];
    heap.write(thresholds, Float64Array.from(epsilon));
    const { rows, weights, rank, seed } = point;
    const sizes = { n, headDim, rows, weights, rank, seed };
    const job = new raw.CollapseJob({ ...sizes, epsilon: thresholds, epsilons, effective, sigma });
    const finish = () => {
      const counts = heap.copyF64(effective, epsilons, "effective");
      const spread = heap.copyF64(sigma, 1, "sigma")[0] as number;
      return epsilon.map((threshold, i) => {
        const count = counts[i] as number;
        const closedForm = runtime.guard(() => raw.gaussianIneffectiveShare(n, threshold, spread));
        const ineffectiveShare = 1 - count / n;
        return { n, d: headDim, epsilon: threshold, effective: count, ineffectiveShare, closedForm, sigma: spread };
      });
    };
    return { job, finish };
  });
}
