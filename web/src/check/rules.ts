/**
 * The rules between a product and its weight: softcap, mask, window, sinks.
 *
 * A mask is (queries, keys), or (heads, queries, keys); its length tells which. Half of a wrong mask still looks like
 * one, so nothing else is taken.
 */
import { HeedError } from "../errors.js";
import type { ScoreRules } from "../options.js";
import { checkAttached, type MaskOperand } from "./arrays.js";
import { shown } from "./names.js";
import { checkCount, checkPositive, checkWithin } from "./numbers.js";

/** Options that `checkRules` and `checkMask` read. */
export const ruleOptionNames = ["window", "sinks", "softcap", "mask"] as const;

/** As the module takes them: 0 is "none". */
export interface Rules {
  window: number;
  sinks: number;
  softcap: number;
}

/** The module computes with f32: 2 / c must be one too. */
const softcapRange = { least: 1e-38, most: 1e38 };

/** What sinks are for: to stay visible beside a window, or to be kept whatever their scores are. */
export type SinkUse = "visible" | "kept";

/** @throws {HeedError} `invalid-argument` */
export function checkRules({ window, sinks, softcap }: ScoreRules, use: SinkUse = "visible"): Rules {
  if (sinks !== undefined && window === undefined && use === "visible") {
    throw new HeedError(
      "invalid-argument",
      `sinks is ${shown(sinks)}, but window is missing; ` +
        "sinks are the first keys that a window does not hide: give window too, or leave sinks out",
    );
  }
  const cap = softcap === undefined ? 0 : checkPositive("softcap", softcap);
  if (cap !== 0) checkWithin("softcap", cap, softcapRange.least, softcapRange.most);
  return {
    window: window === undefined ? 0 : checkCount("window", window),
    sinks: sinks === undefined ? 0 : checkCount("sinks", sinks, 0),
    softcap: cap,
  };
}

/** A mask of any length. @throws {HeedError} `invalid-argument`, `detached` */
export function maskOperand(mask: unknown): MaskOperand {
  if (ArrayBuffer.isView(mask)) checkAttached("mask", mask);
  if (mask instanceof Float32Array) return { kind: "f32", name: "mask", length: mask.length, data: mask };
  if (mask instanceof Uint8Array) {
    // A plain view also of Node's Buffer, whose slice() would be no copy.
    const data = new Uint8Array(mask.buffer, mask.byteOffset, mask.length);
    return { kind: "u8", name: "mask", length: data.length, data };
  }
  throw new HeedError(
    "invalid-argument",
    `mask is ${shown(mask)}; a Float32Array, which is added to the scores, or a Uint8Array of 0 and 1 is needed`,
  );
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function checkMask(
  mask: unknown,
  { heads, queries, keys }: { heads: number; queries: number; keys: number },
): MaskOperand | undefined {
  if (mask === undefined) return undefined;
  const operand = maskOperand(mask);
  checkMaskLength(operand, { heads, queries, keys });
  return operand;
}

/** @throws {HeedError} `shape-mismatch` */
export function checkMaskLength(
  operand: MaskOperand,
  { heads, queries, keys }: { heads: number; queries: number; keys: number },
): void {
  const plane = queries * keys;
  if (operand.length === plane || operand.length === heads * plane) return;
  throw new HeedError(
    "shape-mismatch",
    `mask has ${operand.length} numbers; queries * keys = ${plane} ` +
      `or heads * queries * keys = ${heads * plane} are needed`,
  );
}
