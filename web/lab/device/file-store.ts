/**
 * Where files stay between visits: the origin's private file system, else the Cache API, else nowhere. Browsers refuse
 * both in some private windows and with storage switched off, and then everything works from memory.
 *
 * A store is never trusted: load-files.ts checks what it gives.
 */
export interface FileStore {
  kind: "private file system" | "cache";
  get(key: string): Promise<Blob | undefined>;
  put(key: string, file: Blob): Promise<void>;
  keys(): Promise<string[]>;
  delete(key: string): Promise<void>;
}

/** The directory, or the cache. The service worker (offline/service-worker.js) leaves caches of this name alone. */
export const storeName = "heed-model";

export async function openFileStore(): Promise<FileStore | undefined> {
  for (const open of [openPrivateFiles, openCache]) {
    try {
      const store = await open();
      // Some browsers refuse with the first use only.
      await store?.keys();
      if (store !== undefined) return store;
    } catch {
      // Refused here: the next one may not be.
    }
  }
  return undefined;
}

export async function openPrivateFiles(): Promise<FileStore | undefined> {
  if (typeof navigator.storage?.getDirectory !== "function") return undefined;
  // Older engines can write in workers only.
  if (!("createWritable" in FileSystemFileHandle.prototype)) return undefined;
  const directory = await (await navigator.storage.getDirectory()).getDirectoryHandle(storeName, { create: true });
  return {
    kind: "private file system",
    get: (key) => found(async () => (await directory.getFileHandle(key)).getFile()),
    async put(key, file) {
      const handle = await directory.getFileHandle(key, { create: true });
      const writable = await handle.createWritable();
      // In one piece: as a stream it takes a message for every 64 kB. Nothing is in its place before the end.
      await writable.write(file);
      await writable.close();
    },
    async keys() {
      const keys: string[] = [];
      for await (const key of (directory as unknown as { keys(): AsyncIterable<string> }).keys()) keys.push(key);
      return keys;
    },
    delete: async (key) => void (await found(() => directory.removeEntry(key))),
  };
}

export async function openCache(): Promise<FileStore | undefined> {
  if (typeof caches === "undefined") return undefined;
  const cache = await caches.open(storeName);
  const address = (key: string): string => new URL(`./${storeName}/${key}`, location.href).href;
  return {
    kind: "cache",
    get: async (key) => (await cache.match(address(key)))?.blob(),
    put: (key, file) => cache.put(address(key), new Response(file)),
    keys: async () => (await cache.keys()).map(({ url }) => url.slice(url.lastIndexOf("/") + 1)),
    delete: async (key) => void (await cache.delete(address(key))),
  };
}

/** Undefined for a file that is not there. */
async function found<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotFoundError") return undefined;
    throw error;
  }
}
