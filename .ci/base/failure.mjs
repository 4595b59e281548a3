// Failure: something the person at the keyboard can act on.
//
// Every script ends through `guarded`, so an expected failure prints one sentence (what went wrong, what to do) and
// exits 1. Only a bug in the scripts themselves prints a stack trace.

export class Failure extends Error {}

/** Runs a script's body and turns its outcome into an exit status. */
export async function guarded(body) {
  try {
    const status = await body();
    if (typeof status === "number") process.exitCode = status;
  } catch (error) {
    process.exitCode = 1;
    if (error instanceof Failure) console.error(`\nheed: ${error.message}`);
    else console.error(error);
  }
}
