/** What the table of engines (npm run engines) reads from a run: what started, and what tests found missing. */
import type { Info } from "heed";
import type { TestContext } from "vitest";

declare module "vitest" {
  interface TaskMeta {
    /** What `create()` chose. */
    started?: Info;
    /** Why the test was skipped. */
    lacks?: string;
  }
}

/** Skips a test where the engine lacks what it is about. */
export function needs({ task, skip }: Pick<TestContext, "task" | "skip">, what: string, there: boolean): void {
  if (there) return;
  task.meta.lacks = what;
  skip(`no ${what}`);
}

export const sharedMemory = ["SharedArrayBuffer", typeof SharedArrayBuffer !== "undefined"] as const;
