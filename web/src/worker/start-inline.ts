/** Starts the worker of heed/inline from its text, and unpacks the modules that it needs. */
import { withoutModels, type PackedName } from "../platforms/inline-refusal.js";
import { portOf, resolveInPage, workerName as name } from "./page-port.js";
import type { Started } from "./start-module.js";
import type { WorkerStarter } from "./starter.js";

/** The worker and the modules, as texts: see platforms/packed.d.ts. */
export interface Packed {
  core(): Promise<{ worker: string; wasm: string }>;
  study(): Promise<string>;
}

/** base64 of gzip to bytes. Every engine with SIMD has DecompressionStream. */
async function unpack(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const advice =
  "it could not start; allow blob: in the worker-src of the Content-Security-Policy, or import heed instead";

/** A classic worker: a page of a file: address starts no module from a text. */
function start(source: string): Started {
  const blob = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  return { worker: new Worker(blob, { name }), running: () => URL.revokeObjectURL(blob) };
}

export async function inlineStarter(packed: Packed): Promise<WorkerStarter> {
  const { worker, wasm } = await packed.core();
  const text: Record<PackedName, () => Promise<string> | string> = { core: () => wasm, study: packed.study };
  return {
    resolve: resolveInPage,
    start: () => portOf(() => start(worker), advice),
    open: () => Promise.reject(withoutModels()),
    async source(module) {
      if (module === "model") throw withoutModels();
      return unpack(await text[module]());
    },
  };
}
