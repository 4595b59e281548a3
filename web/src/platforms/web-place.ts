/** What browsers have in common, wherever the package's files lie. */
import { HeedError, reasonOf } from "../errors.js";
import type { Platform, ReadOptions } from "../runtime/platform.js";

/** Reports how much of a body has come; the bytes are the same as `arrayBuffer()` gives. */
async function readBody(response: Response, { onProgress }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  // With a content encoding the length counts other bytes than those that arrive.
  const length = response.headers.has("content-encoding") ? 0 : Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    onProgress({ phase: "download", loaded, total: Math.max(length, length === 0 ? 0 : loaded) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function read(url: URL, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url, options.signal ? { signal: options.signal } : {});
    if (response.ok) return await readBody(response, options);
    throw new HeedError("load-failed", `${url.href} was answered with status ${response.status}; 200 is needed`);
  } catch (error) {
    if (error instanceof HeedError || options.signal?.aborted) throw error;
    throw new HeedError("load-failed", `${url.href} could not be fetched: ${reasonOf(error)}`, { cause: error });
  }
}

/** The part of a Platform that names no file. */
export const webPlace = {
  read,
  resolve: (address) => new URL(address, globalThis.location.href),
  hardwareThreads: () => globalThis.navigator.hardwareConcurrency ?? 1,
  watchThread(thread, failed) {
    if (!(thread instanceof EventTarget)) return () => undefined;
    const listen = (event: Event) => {
      // The generated code's own listener comes after this one, and would end the worker by throwing the event.
      event.stopImmediatePropagation();
      event.preventDefault();
      failed(event instanceof ErrorEvent && event.message ? event.message : "a thread's worker was refused");
    };
    thread.addEventListener("error", listen);
    return () => thread.removeEventListener("error", listen);
  },
} satisfies Pick<Platform, "read" | "resolve" | "hardwareThreads" | "watchThread">;
