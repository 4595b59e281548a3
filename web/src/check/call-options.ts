/** Options that every call takes, and the signal that ends a call before it begins. */
import { HeedError } from "../errors.js";
import type { CallOptions } from "../options.js";
import { checkFlag, checkOptionNames, shown } from "./names.js";

export const callOptionNames = ["signal", "onProgress", "transfer"] as const;

/** @throws {HeedError} `invalid-argument` */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new HeedError("invalid-argument", `signal is ${shown(signal)}; an AbortSignal is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkListener(listener: unknown): void {
  if (listener === undefined || typeof listener === "function") return;
  throw new HeedError("invalid-argument", `onProgress is ${shown(listener)}; a function is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkCallOptions(options: CallOptions): void {
  checkSignal(options.signal);
  checkListener(options.onProgress);
  checkFlag("transfer", options.transfer, false);
}

/** The third argument of `simulate`. @throws {HeedError} `invalid-argument` */
export function checkSimulationOptions(options: CallOptions): void {
  checkOptionNames("simulate", options, callOptionNames);
  checkCallOptions(options);
}
