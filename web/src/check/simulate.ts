/** From the arguments of `simulate` to a plan: the points that are run one after the other. */
import { HeedError } from "../errors.js";
import type { CollapseParameters, SimulationId, SimulationParameters } from "../options.js";
import { checkFloat32, checkLength, type ArrayOperand } from "./arrays.js";
import { checkOptionNames, checkWord } from "./names.js";
import { checkCount, checkPositive } from "./numbers.js";
import { protocols } from "./protocols.js";
import { checkList, Reader } from "./simulation-reader.js";
import { readSource, sourceNumbers } from "./simulation-source.js";

/** What a length of E1 needs; the module's names. */
export interface CollapsePoint {
  kind: "collapse";
  n: number;
  headDim: number;
  rows: number;
  /** Index into `collapseWeights`. */
  weights: number;
  rank: number;
  seed: number;
  epsilon: readonly number[];
}

/** A point of another protocol. */
export interface ProtocolPoint {
  kind: "protocol";
  /** The number of the protocol in the module. */
  id: number;
  /** The parameters in the order of the module. */
  numbers: readonly number[];
  /** (n, d) of given heads. */
  q?: ArrayOperand;
  k?: ArrayOperand;
}

export type SimulationPoint = CollapsePoint | ProtocolPoint;

/** Order of the codes of `RawCollapseOptions.weights`. */
const collapseWeights = ["independent", "identity", "lowRank"] as const;
const names = ["n", "d", "epsilon", "weights", "rank", "rows", "seed"];
/** Chosen: the standard error of the mean over 256 rows is about a sixteenth of a row's spread. */
const usualRows = 256;
/** Protocols that heads of a model can be given to. */
const forHeads: readonly string[] = [
  ...["E2", "E4", "E5", "E7", "E8", "E9", "E11"],
  ...["E12", "E13", "E14", "E18", "E22"],
];
/** Protocols of rows from length `from` to `to`. */
const mixedLengths: readonly string[] = ["E8", "E14"];

function planCollapse(parameters: CollapseParameters): CollapsePoint[] {
  checkOptionNames("simulate E1", parameters, names);
  const headDim = parameters.d === undefined ? 64 : checkCount("d", parameters.d);
  const weights = checkWord("weights", parameters.weights ?? "independent", collapseWeights);
  if (parameters.rank !== undefined && weights !== "lowRank") {
    throw new HeedError("invalid-argument", `rank is given, but weights is "${weights}"; "lowRank" is needed`);
  }
  const rank =
    parameters.rank === undefined ? Math.max(1, headDim >> 3) : checkCount("rank", parameters.rank, 1, headDim);
  const rows = parameters.rows === undefined ? usualRows : checkCount("rows", parameters.rows);
  const seed = parameters.seed === undefined ? 0 : checkCount("seed", parameters.seed, 0);
  const epsilon = checkList("epsilon", parameters.epsilon, checkPositive);
  const lengths = checkList("n", parameters.n, (name, n) => checkCount(name, n, 2));
  return lengths.map((n) => ({
    kind: "collapse",
    n,
    headDim,
    rows: Math.min(rows, n),
    weights: collapseWeights.indexOf(weights),
    rank,
    seed,
    epsilon,
  }));
}

/** `q` and `k`, or neither. */
function checkHeads(values: Record<string, unknown>, d: number): { q?: ArrayOperand; k?: ArrayOperand } {
  if (values["q"] === undefined && values["k"] === undefined) return {};
  for (const name of ["input", "strength", "weights", "rank", "decay"]) {
    if (values[name] === undefined) continue;
    throw new HeedError("invalid-argument", `${name} is given, but the scores come from q and k; leave it out`);
  }
  const [q, k] = [checkFloat32("q", values["q"]), checkFloat32("k", values["k"])];
  if (q.length === 0 || q.length % d !== 0) {
    throw new HeedError("shape-mismatch", `q has ${q.length} numbers; a multiple of d = ${d} is needed`);
  }
  checkLength("k", k.length, q.length, "one key for every query");
  return {
    q: { kind: "f32", name: "q", length: q.length, data: q },
    k: { kind: "f32", name: "k", length: k.length, data: k },
  };
}

function planProtocol(id: Exclude<SimulationId, "E1">, parameters: object): ProtocolPoint[] {
  const protocol = protocols[id];
  const heads = forHeads.includes(id) ? ["q", "k"] : [];
  checkOptionNames(`simulate ${id}`, parameters, [...protocol.names, ...heads]);
  const read = new Reader(parameters as Record<string, unknown>);
  const given = read.values["q"] !== undefined || read.values["k"] !== undefined;
  const sweeps = { E3: ["sigma"], E5: ["sigma"], E9: ["strength"] } as const;
  const source = readSource(read, given, id in sweeps ? sweeps[id as keyof typeof sweeps] : []);
  const operands = checkHeads(read.values as Record<string, unknown>, source.d);
  const tokens = operands.q && operands.q.length / source.d;
  const name = mixedLengths.includes(id) ? "to" : "n";
  if (tokens !== undefined && read.values[name] === undefined) {
    throw new HeedError("invalid-argument", `${name} is undefined; with q and k it is needed, at most ${tokens}`);
  }
  const longest = [read.values["n"], read.values["to"]].flat().filter((n) => typeof n === "number");
  if (tokens !== undefined && Math.max(0, ...longest) > tokens) {
    throw new HeedError("invalid-argument", `n is up to ${Math.max(...longest)}; q and k have ${tokens} tokens`);
  }
  return protocol.points(read, source).map(({ source: own, numbers }) => ({
    kind: "protocol",
    id: protocol.id,
    numbers: [...sourceNumbers(own), ...numbers],
    ...operands,
  }));
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planSimulation<Id extends SimulationId>(
  id: Id,
  parameters: SimulationParameters[Id],
): SimulationPoint[] {
  const known = checkWord("the id of simulate", id, ["E1", ...Object.keys(protocols)] as SimulationId[]);
  return known === "E1" ? planCollapse(parameters as CollapseParameters) : planProtocol(known, parameters);
}
