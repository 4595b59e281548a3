/** A module as a worker: its address from the page's own origin or, through a blob that imports it, from another. */
import { fromAnotherOrigin } from "../platforms/origin.js";

export interface Started {
  worker: Worker;
  /** Gives the bootstrap's blob back. */
  running(): void;
}

export function startModule(address: string, name: string): Started {
  const start = (from: string) => new Worker(from, { type: "module", name });
  if (!fromAnotherOrigin(address)) return { worker: start(address), running: () => undefined };
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" }));
  return { worker: start(blob), running: () => URL.revokeObjectURL(blob) };
}
