/**
 * A run: table after table, one measurement at a time, only while the page is looked at. A hidden tab is throttled, so
 * being hidden ends the run, and what it measured counts for nothing.
 */
import { takeTurns } from "../../../bench/harness/turns.mjs";
import { compared } from "./rows.js";
import { effortOf } from "./effort.js";
import { describeEnvironment, type Environment } from "./environment.js";
import { PageEngine } from "./page-engine.js";
import type { Settings } from "./settings.js";
import type { Table } from "./tables.js";
import type { Row } from "./types.js";

export interface MeasuredTable {
  operation: Table["operation"];
  title: string;
  shape: Table["shape"];
  rows: Row[];
  /** Every row is judged, also after its last call. */
  complete: boolean;
}

export interface Result {
  settings: Settings;
  started: string;
  environment: Environment;
  tables: MeasuredTable[];
}

export interface Watcher {
  signal: AbortSignal;
  tell: (text: string) => void;
  show: (result: Result) => void;
}

/** Why a run did not begin, or why nothing of it counts. */
export class Refusal extends Error {}

const hidden = "The tab was hidden during the run. Browsers slow hidden tabs down, so its times were thrown away.";

export async function measure(settings: Settings, tables: readonly Table[], watcher: Watcher): Promise<Result> {
  if (document.visibilityState !== "visible") {
    throw new Refusal("This tab is hidden. Browsers slow hidden tabs down, so nothing was measured.");
  }
  const abort = new AbortController();
  const follow = (): void => abort.abort(watcher.signal.reason);
  const look = (): void => {
    if (document.visibilityState !== "visible") abort.abort(new Refusal(hidden));
  };
  if (watcher.signal.aborted) follow();
  watcher.signal.addEventListener("abort", follow);
  document.addEventListener("visibilitychange", look);
  try {
    return await alone(() => measureTables(settings, tables, { ...watcher, signal: abort.signal }));
  } finally {
    watcher.signal.removeEventListener("abort", follow);
    document.removeEventListener("visibilitychange", look);
  }
}

/** One run at a time, in all tabs of this origin. */
function alone<Value>(body: () => Promise<Value>): Promise<Value> {
  // Insecure origins have no locks.
  if (!("locks" in navigator)) return body();
  return navigator.locks.request("heed-benchmark", { ifAvailable: true }, (lock) => {
    if (lock === null) throw new Refusal("Another tab is measuring. Two at once would slow each other down.");
    return body();
  });
}

async function measureTables(
  settings: Settings,
  tables: readonly Table[],
  { signal, tell, show }: Watcher,
): Promise<Result> {
  const engine = new PageEngine();
  // At once, also in the middle of a call: the turns would notice only after it.
  signal.addEventListener("abort", () => engine.end());
  try {
    signal.throwIfAborted();
    tell("reading the clock");
    const environment = await describeEnvironment(engine);
    const result: Result = { settings, started: new Date().toISOString(), environment, tables: [] };
    show(result);
    const effort = effortOf(settings, environment);
    for (const [i, { operation, title, shape, entries }] of tables.entries()) {
      const put = (rows: readonly Row[], complete: boolean): void => {
        result.tables[i] = { operation, title, shape, rows: compared(rows, entries), complete };
        show(result);
      };
      const progress = (text: string): void => tell(`table ${i + 1} of ${tables.length}: ${text}`);
      const live = { signal, show: (rows: readonly Row[]) => put(rows, false) };
      const { rows } = await takeTurns(engine, shape, entries, effort, progress, live);
      put(rows, true);
    }
    return result;
  } catch (error) {
    // A worker that was ended mid-call fails with words of its own.
    throw signal.aborted ? signal.reason : error;
  } finally {
    engine.end();
  }
}
