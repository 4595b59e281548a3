/**
 * Files that are large and must be right: taken from the store where they lie, else from the network, and used only
 * when their SHA-256 is that of the manifest. A stored file that is not goes away and is fetched; one from the network
 * that is not is fetched once more, past every cache on the way, and then given up.
 */
import type { FileStore } from "./file-store.js";

export interface ManifestEntry {
  name: string;
  bytes: number;
  /** SHA-256, in hexadecimal digits. */
  sha256: string;
}

export interface FileProgress {
  /** Bytes of all files. */
  loaded: number;
  total: number;
  from: "store" | "network";
}

export interface LoadFilesOptions {
  addressOf: (name: string) => string | URL;
  /** None: every visit asks the network. */
  store?: FileStore | undefined;
  fetch?: typeof globalThis.fetch;
  signal?: AbortSignal;
  onProgress?: (progress: FileProgress) => void;
}

export interface LoadedFiles {
  files: ReadonlyMap<string, Blob>;
  /** Bytes that came over the network. */
  fetched: number;
  /** Whether all of them will be there next time. */
  kept: boolean;
}

/** Different contents never share a key: a newer page does not find the older page's file. */
export function keyOf({ name, sha256 }: ManifestEntry): string {
  return `${sha256.slice(0, 16)}-${name}`;
}

/** Whether every file lies in the store; whether they are right is seen when they are read. */
export async function isKept(entries: readonly ManifestEntry[], store: FileStore | undefined): Promise<boolean> {
  const keys = new Set(await store?.keys().catch(() => []));
  return entries.every((entry) => keys.has(keyOf(entry)));
}

/** @throws the signal's reason, or an error that names the file */
export async function loadFiles(
  entries: readonly ManifestEntry[],
  { addressOf, store, fetch = globalThis.fetch.bind(globalThis), signal, onProgress }: LoadFilesOptions,
): Promise<LoadedFiles> {
  const total = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  const files = new Map<string, Blob>();
  let [before, fetched, kept] = [0, 0, store !== undefined];
  for (const entry of entries) {
    signal?.throwIfAborted();
    let file = await fromStore(entry, store);
    signal?.throwIfAborted();
    if (file === undefined) {
      const report = (loaded: number): void => onProgress?.({ loaded: before + loaded, total, from: "network" });
      file = await fromNetwork(entry, { address: addressOf(entry.name), fetch, signal, report });
      fetched += entry.bytes;
      kept = (await keep(entry, file, store)) && kept;
    }
    files.set(entry.name, file);
    before += entry.bytes;
    onProgress?.({ loaded: before, total, from: fetched > 0 ? "network" : "store" });
  }
  await forgetOthers(entries, store);
  return { files, fetched, kept };
}

async function fromStore(entry: ManifestEntry, store: FileStore | undefined): Promise<Blob | undefined> {
  if (store === undefined) return undefined;
  try {
    const file = await store.get(keyOf(entry));
    if (file === undefined) return undefined;
    if (file.size === entry.bytes && (await digest(await file.arrayBuffer())) === entry.sha256) return file;
    await store.delete(keyOf(entry));
  } catch {
    // A store that fails is as good as none.
  }
  return undefined;
}

interface Request {
  address: string | URL;
  fetch: typeof globalThis.fetch;
  signal: AbortSignal | undefined;
  report: (loaded: number) => void;
}

async function fromNetwork(entry: ManifestEntry, request: Request): Promise<Blob> {
  let wrong = "";
  for (const cache of ["default", "reload"] as const) {
    const bytes = await download(entry, request, cache);
    if (typeof bytes === "string") wrong = bytes;
    else if ((await digest(bytes.buffer)) === entry.sha256) return new Blob([bytes]);
    else wrong = "has other contents than this page was made with";
    request.signal?.throwIfAborted();
  }
  throw new Error(`${entry.name} ${wrong}, twice; it is not used. Try again, or reload the page`);
}

/** Its bytes, or in what way they are no such file. */
async function download(
  { name, bytes }: ManifestEntry,
  { address, fetch, signal, report }: Request,
  cache: RequestCache,
): Promise<Uint8Array<ArrayBuffer> | string> {
  let response: Response;
  try {
    response = await fetch(address, { cache, ...(signal && { signal }) });
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`${name} could not be fetched: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  if (!response.ok) throw new Error(`${name} was answered with status ${response.status}`);
  const all = new Uint8Array(bytes);
  let loaded = 0;
  const reader = response.body!.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (loaded + value.length > bytes) {
        await reader.cancel();
        return `is longer than its ${bytes} bytes`;
      }
      all.set(value, loaded);
      loaded += value.length;
      report(loaded);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(`${name} broke off after ${loaded} of ${bytes} bytes`, { cause: error });
  }
  return loaded === bytes ? all : `ends after ${loaded} of its ${bytes} bytes`;
}

/** False when there is no room, or no permission. */
async function keep(entry: ManifestEntry, file: Blob, store: FileStore | undefined): Promise<boolean> {
  try {
    await store?.put(keyOf(entry), file);
    return store !== undefined;
  } catch {
    return false;
  }
}

/** Files of former builds. */
async function forgetOthers(entries: readonly ManifestEntry[], store: FileStore | undefined): Promise<void> {
  const wanted = new Set(entries.map(keyOf));
  try {
    for (const key of (await store?.keys()) ?? []) if (!wanted.has(key)) await store?.delete(key);
  } catch {
    // They only take room.
  }
}

async function digest(bytes: ArrayBuffer): Promise<string> {
  if (globalThis.crypto?.subtle === undefined) {
    throw new Error("this page was not opened over a secure connection (https), so files cannot be checked");
  }
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
