/**
 * What the page and the worker say to each other. `Requests` has one line per request; everything else follows from it.
 *
 * The arguments are plans: checked where the call was made, so that a mistake is reported before anything is copied,
 * and free of functions, so that they can be posted.
 */
import type { FileAddresses } from "../runtime/file-names.js";
import type { MaskOperand, PostedOperand } from "../check/arrays.js";
import type { Evicted, Monitored } from "../cache-results.js";
import type { AppendPlan, CacheShape, CacheTopKPlan, DecodePlan, EvictPlan, MonitoredPlan } from "../check/cache.js";
import type { AttendPlan } from "../check/attend.js";
import type { TopKPlan } from "../check/attend-top-k.js";
import type { IndexPlan } from "../check/key-index.js";
import type { ScoresPlan } from "../check/scores.js";
import type { SelectPlan } from "../check/select-top-k.js";
import type { RadiusPlan } from "../check/radius.js";
import type { SimulationPoint } from "../check/simulate.js";
import type { FormulaCall } from "../check/theory.js";
import type { HeedErrorCode } from "../errors.js";
import type { FormulaResult } from "../operations/theory.js";
import type { CreateOptions, Progress, SimulationId } from "../options.js";
import type { TopKOutput } from "../operations/attend-top-k.js";
import type { CacheTopKOutput } from "../operations/cache.js";
import type { BesideName } from "../runtime/modules.js";
import type { ModuleName } from "../runtime/variants.js";
import type { Radius } from "../theory.js";
import type { DecoderRequests } from "./decoder-requests.js";
import type { Info, MemoryUse, Selection, SimulationRow } from "../results.js";

/** What `create` passes on: the rest of its options stays with the page. */
export type LoadArguments = Pick<CreateOptions, "variant" | "threads" | "maximumMemory" | "studies"> & {
  wasm?: { [Name in ModuleName]?: PostedSource };
  /** Where the package's files are, unless they lie beside the worker. */
  files?: FileAddresses;
};

/** Where a module comes from. An address is resolved, a response read: neither can be posted. */
export type PostedSource = string | Uint8Array<ArrayBuffer> | WebAssembly.Module;

/** Keys are numbers, or an index that the worker holds. */
export type PostedTopKPlan = Omit<TopKPlan<never>, "k"> & {
  k: TopKPlan<never>["k"] | { kind: "index"; id: number };
};

/** Arguments of a call on a cache, which goes by the number that the worker gave it. */
export type OnCache<Plan = unknown> = Plan & { cache: number };

/** Every request the worker understands: one line each, with its arguments and its reply. */
export interface Requests extends DecoderRequests {
  load: { args: LoadArguments; reply: Info };
  attend: { args: AttendPlan<never>; reply: { out: Float32Array; lse?: Float32Array } };
  attendTopK: { args: PostedTopKPlan; reply: TopKOutput<Float32Array> };
  /** The reply names the index in later calls. */
  index: { args: IndexPlan<never>; reply: number };
  disposeIndex: { args: { id: number }; reply: null };
  scores: { args: ScoresPlan<never>; reply: Float32Array };
  weights: { args: ScoresPlan<never>; reply: Float32Array };
  selectTopK: { args: SelectPlan<never>; reply: Selection };
  /** Loads a module beside the core, if it is not there yet. */
  loadBeside: { args: { module: BesideName; source?: PostedSource }; reply: true };
  /** Loads the tokenizers' code, if it is not there yet. */
  loadTokenizers: { args: null; reply: true };
  /** What the caller passed, unchecked. */
  planSimulation: { args: { id: SimulationId; parameters: object }; reply: SimulationPoint[] };
  simulate: { args: SimulationPoint; reply: SimulationRow[] };
  theory: { args: FormulaCall; reply: FormulaResult };
  radius: { args: RadiusPlan; reply: Radius };
  cacheCreate: { args: CacheShape; reply: number };
  cacheFork: { args: OnCache; reply: number };
  cacheDispose: { args: OnCache; reply: true };
  cacheAppend: { args: OnCache<AppendPlan<never>>; reply: number };
  cacheAttend: { args: OnCache<DecodePlan<never>>; reply: Requests["attend"]["reply"] & { monitored?: Monitored } };
  cacheTopK: { args: OnCache<CacheTopKPlan<never>>; reply: CacheTopKOutput<Float32Array> };
  cacheMonitor: { args: OnCache<MonitoredPlan<never>>; reply: Monitored };
  cacheEvict: { args: OnCache<EvictPlan<never>>; reply: Evicted };
  cacheRecorded: { args: OnCache<{ layer: number }>; reply: Float64Array };
  cacheRewind: { args: OnCache<{ length: number }>; reply: true };
  cacheClear: { args: OnCache; reply: true };
  cacheSave: { args: OnCache; reply: Uint8Array<ArrayBuffer> };
  cacheRestore: { args: OnCache<{ saved: MaskOperand }>; reply: true };
  cacheLength: { args: OnCache<{ layer: number }>; reply: number };
  cacheBytes: { args: OnCache; reply: number };
  memory: { args: null; reply: MemoryUse };
}
export type RequestName = keyof Requests;

/** A request of each name, with the number that its answer will carry. */
export type Call = {
  [Name in RequestName]: { kind: "call"; id: number; name: Name; args: Requests[Name]["args"]; reports: boolean };
}[RequestName];

/** From the page. */
export type ToWorker = Call | { kind: "cancel"; id: number };

/** An error as it crosses; `code` is "internal" when it was not a HeedError. */
export interface PostedError {
  code: HeedErrorCode;
  message: string;
}

/** To the page. Each call gets any number of `progress` and then one of the others. */
export type FromWorker =
  | { kind: "reply"; id: number; value: Requests[RequestName]["reply"] }
  | { kind: "failure"; id: number; error: PostedError }
  | { kind: "cancelled"; id: number }
  | { kind: "progress"; id: number; progress: Progress };

/** The parts of arguments that hold numbers. */
export function operandsOf(plan: object): PostedOperand[] {
  return Object.values(plan).filter(isPostedOperand);
}

function isPostedOperand(value: unknown): value is PostedOperand {
  return typeof value === "object" && value !== null && "data" in value && "name" in value;
}
