/**
 * Ends the process when an input does not end: the thread that runs it cannot do so itself. The input is written down
 * first. The worker looks at memory that it shares with that thread. What counts is the time that the process was given,
 * not the clock's: on a busy machine an input may wait for minutes.
 */
import { Worker } from "node:worker_threads";

const program = `
  const { workerData: { shared, limit, prefix } } = require("node:worker_threads");
  const { writeFileSync } = require("node:fs");
  const head = new Int32Array(shared, 0, 2), bytes = new Uint8Array(shared, 8);
  const used = () => (process.cpuUsage().user + process.cpuUsage().system) / 1000;
  let number = -1, since = used();
  setInterval(() => {
    const [now, length] = [Atomics.load(head, 0), Atomics.load(head, 1)];
    if (now !== number || now === 0) [number, since] = [now, used()];
    else if (used() - since > limit) {
      const file = prefix + "timeout-" + now;
      writeFileSync(file, bytes.slice(0, length));
      require("node:fs").writeSync(2, "==ERROR: an input did not end in " + limit + " ms of work; it is in " + file + "\\n");
      process.kill(process.pid, "SIGKILL");
    }
  }, 200);
`;

export class Watchdog {
  readonly #shared: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;
  #count = 0;

  constructor(limit: number, prefix: string, maxLength: number) {
    this.#shared = new SharedArrayBuffer(8 + Math.max(maxLength, 2 ** 20));
    this.#head = new Int32Array(this.#shared, 0, 2);
    this.#bytes = new Uint8Array(this.#shared, 8);
    new Worker(program, { eval: true, workerData: { shared: this.#shared, limit, prefix } }).unref();
  }

  start(input: Uint8Array): void {
    this.#bytes.set(input);
    Atomics.store(this.#head, 1, input.length);
    Atomics.store(this.#head, 0, ++this.#count);
  }

  stop(): void {
    Atomics.store(this.#head, 0, 0);
  }
}
