/** Expectations about errors: the class, the code, and that the message names what it is about. */
import { HeedError, type HeedErrorCode } from "heed";
import { HeedError as SyncHeedError } from "heed/sync";
import { expect } from "vitest";

function check(error: unknown, code: HeedErrorCode, text: string | RegExp): void {
  const known = error instanceof HeedError || error instanceof SyncHeedError;
  expect(known, `a HeedError, not ${String(error)}`).toBe(true);
  expect((error as HeedError).code).toBe(code);
  expect((error as HeedError).message).toMatch(text);
}

export function expectError(code: HeedErrorCode, text: string | RegExp, work: () => unknown): void {
  let error: unknown;
  try {
    work();
  } catch (thrown) {
    error = thrown;
  }
  check(error, code, text);
}

export async function expectRejection(
  code: HeedErrorCode,
  text: string | RegExp,
  promise: Promise<unknown>,
): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  check(error, code, text);
}
