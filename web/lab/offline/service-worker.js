/**
 * Makes the lab work without a network once it has been opened. offline-plugin.ts fills in the two constants.
 *
 * Kept at once: documents, code and styles of every notebook. Kept next, one after the other: the recorded data, unless
 * the reader's browser asks to save data. WebAssembly is kept for the variant that the page says it runs. Documents
 * come from the network where there is one, so that a new build is seen; everything else has a digest in its name and
 * comes from here. Files that are not of this build are left alone, and so is the language model, which has a store of its
 * own (device/file-store.ts).
 */
const version = "%VERSION%";
/** Of device/file-store.ts. */
const modelStore = "heed-model";
const files = ["%FILES%"];

const isData = (name) => /\.(safetensors|json|bin|txt)$/.test(name);
const isModule = (name) => name.endsWith(".wasm");
const address = (name) => new URL(name, self.registration.scope).href;
const own = new Set(files.map(address));
const start = address("index.html");

self.addEventListener("install", (event) => {
  const shell = files.filter((name) => !isData(name) && !isModule(name));
  event.waitUntil(caches.open(version).then((cache) => cache.addAll(shell.map(address))));
  self.skipWaiting();
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    (async () => {
      for (const name of await caches.keys()) if (name !== version && name !== modelStore) await caches.delete(name);
    })(),
  );
  // Not waited for: in Firefox it ends only when every worker of the page has agreed, and those that compute wait for
  // each other; until the end of activation no request would be answered.
  void self.clients.claim();
});

/** The page has settled: { variant, data }, the module it runs, and whether data may be fetched ahead. */
self.addEventListener("message", (event) => {
  const { variant, data } = event.data ?? {};
  const wanted = files.filter((name) => {
    return isModule(name) ? variantOf(name) === variant : data === true && isData(name);
  });
  const port = event.ports[0];
  event.waitUntil(
    (async () => {
      const cache = await caches.open(version);
      for (const url of wanted.map(address)) if ((await cache.match(url)) === undefined) await cache.add(url);
      port?.postMessage("kept");
    })(),
  );
});

/** "relaxed-threads" of assets/heed-relaxed-threads-1a2b3c4d.wasm. */
function variantOf(name) {
  return /(relaxed-threads-64(?=-)|relaxed-threads|threads|relaxed|simd)(?=[^/]*\.wasm$)/.exec(name)?.[1];
}

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  url.hash = url.search = "";
  const asked = url.href === self.registration.scope ? start : url.href;
  if (event.request.method !== "GET" || !own.has(asked)) return;
  event.respondWith(event.request.mode === "navigate" ? document(event.request, asked) : file(event, asked));
});

async function document(request, asked) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(asked)) ?? Response.error();
  }
}

async function file(event, asked) {
  const cache = await caches.open(version);
  const kept = await cache.match(asked);
  if (kept !== undefined) return kept;
  const answer = await fetch(event.request);
  // Kept beside the answer, not before it: a large body that nobody reads on the other side would wait for ever.
  if (answer.ok) event.waitUntil(cache.put(asked, answer.clone()));
  return answer;
}
