// A conversation with one host: a request, its reply, and an end that rejects whoever is still waiting.

/** Longer than any single call that a suite makes; what takes longer hangs. */
const patienceMilliseconds = 590_000;

export class Session {
  #waiting = new Map();
  #next = 1;
  #failure;
  #pipe;

  /** `pipe`: { address(path), module, send(id, message), end() }. */
  constructor(pipe) {
    this.#pipe = pipe;
  }

  open(options) {
    return this.ask("open", { module: this.#pipe.address(this.#pipe.module), options });
  }

  /** @throws {Error} with the host's own words */
  ask(kind, content = {}) {
    if (this.#failure) return Promise.reject(new Error(this.#failure));
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.fail(`no answer to "${kind}" in ${patienceMilliseconds / 1000} s`),
        patienceMilliseconds,
      );
      this.#waiting.set(id, { resolve, reject, timer });
      Promise.resolve(this.#pipe.send(id, { kind, content })).catch((error) => this.fail(error.message));
    });
  }

  receive(id, { reply, failure }) {
    const waiter = this.#waiting.get(id);
    if (!waiter) return;
    this.#waiting.delete(id);
    clearTimeout(waiter.timer);
    if (failure === undefined) waiter.resolve(reply);
    else waiter.reject(new Error(failure));
  }

  /** Everyone who waits is told, and so is everyone who asks later. */
  fail(reason) {
    this.#failure ??= reason;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(reason));
    }
    this.#waiting.clear();
  }

  async close() {
    await this.#pipe.end();
    this.fail("the session is closed");
  }
}
