/**
 * Threads from another origin: the generated code starts its threads with `new Worker(address)`, which a browser
 * refuses for an address of another origin. In our own worker, where nobody else is affected, such an address is
 * imported by a blob instead.
 */
import { fromAnotherOrigin } from "../platforms/origin.js";

export function startThreadsAcrossOrigins(): void {
  const Original = globalThis.Worker;
  if (typeof Original === "undefined") return;
  globalThis.Worker = class extends Original {
    constructor(address: string | URL, options?: WorkerOptions) {
      const { href } = new URL(address);
      if (!fromAnotherOrigin(href)) {
        super(address, options);
        return;
      }
      const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" }));
      super(blob, options);
      this.addEventListener("message", () => URL.revokeObjectURL(blob), { once: true });
    }
  };
}
