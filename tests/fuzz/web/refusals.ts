/** What every target accepts beside a result: an error of ours that says what was wrong, and nothing else. */
import { HeedError, type HeedErrorCode } from "heed/sync";

const callers: readonly HeedErrorCode[] = [
  ...(["invalid-argument", "shape-mismatch", "unsupported", "out-of-memory", "non-finite", "detached"] as const),
];

/** Throws what is no refusal. */
export function expectRefusal(error: unknown): void {
  if (!(error instanceof HeedError)) throw error;
  if (!callers.includes(error.code)) throw new Error(`a refusal with the code ${error.code}`, { cause: error });
  if (error.message.length <= 10 || error.message.length >= 1000) {
    throw new Error(`a message of ${error.message.length} characters`, { cause: error });
  }
}

/** An invariant. */
export function expect(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

/** The same numbers, NaN included. */
export function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; ++i) if (!Object.is(a[i], b[i])) return false;
  return true;
}
