/** Which blocks of the package's JavaScript ran, from V8's own counters: the programs are fuzzed as they are shipped. */
import { Session } from "node:inspector";

interface Range {
  startOffset: number;
  endOffset: number;
  count: number;
}
interface Script {
  url: string;
  functions: { ranges: Range[] }[];
}

export class Coverage {
  readonly #session = new Session();
  readonly #files = new Map<string, number>();
  /** Blocks that have run in any input. */
  readonly seen = new Set<number>();

  constructor() {
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  #post(method: string, parameters: object = {}): unknown {
    let reply: unknown;
    this.#session.post(method, parameters, (error, result) => {
      if (error) throw new Error(error.message);
      reply = result;
    });
    return reply;
  }

  /** The blocks that ran since the last call. */
  take(): number[] {
    const { result } = this.#post("Profiler.takePreciseCoverage") as { result: Script[] };
    const ran: number[] = [];
    for (const { url, functions } of result) {
      if (!url.includes("/dist/") || url.endsWith("/tokenizers.js")) continue;
      const file = this.#files.get(url) ?? this.#files.size;
      this.#files.set(url, file);
      // File, begin and end in one number: dist's files are far below 4 MiB.
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          if (count > 0) ran.push((file * 2 ** 22 + startOffset) * 2 ** 22 + endOffset);
    }
    return ran;
  }

  /** take() and what the target says it tried, added to `seen`: how many were new. */
  add(tried: readonly number[]): number {
    const before = this.seen.size;
    // Blocks are positive.
    for (const what of tried) this.seen.add(-1 - what);
    for (const block of this.take()) this.seen.add(block);
    return this.seen.size - before;
  }
}
