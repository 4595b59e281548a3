/**
 * One error class for everything that heed refuses or cannot do.
 *
 * The message names the argument, what it was and what would be legal; `code` is what a program tests.
 *
 * | code               | whose fault | meaning                                                                     |
 * |--------------------|-------------|-----------------------------------------------------------------------------|
 * | `invalid-argument` | caller      | an option or argument has the wrong type, an illegal value, or is unknown   |
 * | `shape-mismatch`   | caller      | lengths and head counts do not fit together                                 |
 * | `non-finite`       | caller      | NaN or infinity in an input (`validate: true`), or in what a model computes |
 * | `detached`         | caller      | an array's buffer was transferred away                                      |
 * | `disposed`         | caller      | the instance or tensor was disposed                                         |
 * | `out-of-memory`    | outside     | `maximumMemory` or the engine's limit is reached; the instance stays usable |
 * | `unsupported`      | outside     | this engine or place cannot do what was asked for                           |
 * | `load-failed`      | outside     | the module could not be fetched, compiled or started                        |
 * | `worker-died`      | outside     | the worker could not start, crashed, or was terminated                      |
 * | `internal`         | heed        | a broken invariant; the instance refuses further calls, create a new one    |
 *
 * A cancelled call throws the signal's own reason, not a HeedError.
 */
export const errorCodes = [
  "invalid-argument",
  "shape-mismatch",
  "non-finite",
  "detached",
  "disposed",
  "out-of-memory",
  "unsupported",
  "load-failed",
  "worker-died",
  "internal",
] as const;

/** What went wrong, for programs. */
export type HeedErrorCode = (typeof errorCodes)[number];

/** The only error class that heed throws. */
export class HeedError extends Error {
  /** "HeedError". */
  override readonly name = "HeedError";
  /** What went wrong, for programs; the table in errors.ts explains each. */
  readonly code: HeedErrorCode;

  constructor(code: HeedErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The text of anything that was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
