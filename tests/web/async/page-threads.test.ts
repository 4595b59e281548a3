import { create } from "heed";
import { beforeEach, describe, expect, test } from "vitest";

import { needs } from "../support/engine-report.js";
import { expectRejection } from "../support/expect-error.js";
import { expectedAsync, inNode } from "../support/expected-variants.js";

const variant = expectedAsync.find((name) => name.endsWith("threads"));

/** The workers that the page starts while `work` runs, and which of them it has ended. */
async function workersOf(work: (ended: Worker[]) => Promise<void>): Promise<{ started: string[]; ended: number }> {
  const Original = globalThis.Worker;
  const started: string[] = [];
  const ended: Worker[] = [];
  globalThis.Worker = class extends Original {
    constructor(address: string | URL, options?: WorkerOptions) {
      super(address, options);
      started.push(options?.name ?? "");
    }
    override terminate() {
      ended.push(this);
      super.terminate();
    }
  };
  try {
    await work(ended);
  } finally {
    globalThis.Worker = Original;
  }
  return { started, ended: ended.length };
}

// A worker of Firefox that starts workers is lost now and then (worker/page-thread.ts).
describe("threads in a page", () => {
  beforeEach((test) => needs(test, "threads of a page", !inNode && variant !== undefined));

  test("are started by the page, those of a module loaded later too, and end with the instance", async () => {
    const { started, ended } = await workersOf(async (ended) => {
      const heed = await create({ variant: variant!, threads: 3 });
      const rows = heed.simulate("E1", { n: [64], epsilon: [0.01] });
      expect((await rows.next()).done).toBe(false);
      await rows.return?.();
      expect(ended).toHaveLength(0);
      await heed.dispose();
    });
    const thread = "em-pthread";
    expect(started).toEqual(["heed", thread, thread, thread, thread]);
    expect(ended).toBe(5);
  });

  test("that cannot start are an error which says so, and nothing of it is left", async () => {
    const Original = globalThis.Worker;
    const { ended } = await workersOf(async () => {
      const Counting = globalThis.Worker;
      globalThis.Worker = class extends Counting {
        constructor(address: string | URL, options?: WorkerOptions) {
          super(options?.name === "heed" ? address : new URL("/nowhere.js", location.href), options);
        }
      };
      await expectRejection("load-failed", /did not start/, create({ variant: variant!, threads: 3 }));
    });
    expect(globalThis.Worker).toBe(Original);
    expect(ended).toBe(3);
  });
});
