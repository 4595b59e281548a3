/** The stores of the lab's model in real browsers: what goes in comes out, also after both were opened anew. */
import { afterEach, describe, expect, test } from "vitest";

import { openCache, openFileStore, openPrivateFiles } from "../../../web/lab/device/file-store.js";
import { isKept, keyOf, loadFiles } from "../../../web/lab/device/load-files.js";
import { needs } from "../support/engine-report.js";
import { engine } from "../support/expected-variants.js";

async function clear(): Promise<void> {
  for (const open of [openPrivateFiles, openCache]) {
    const store = await open();
    for (const key of (await store?.keys()) ?? []) await store?.delete(key);
  }
}
afterEach(clear);

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 31) % 251);

async function entryOf(name: string, data: Uint8Array<ArrayBuffer>) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  const sha256 = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { name, bytes: data.length, sha256 };
}

test("files are kept in the private file system where there is one, else by the Cache API", async () => {
  expect((await openPrivateFiles()) !== undefined).toBe(engine.privateFiles);
  expect((await openFileStore())?.kind).toBe(engine.privateFiles ? "private file system" : "cache");
});

describe.each([
  ["the private file system", openPrivateFiles, engine.privateFiles],
  ["the Cache API", openCache, true],
])("%s", (_, open, there) => {
  test("keeps files, replaces them, and forgets them", async (test) => {
    needs(test, "private file system", there);
    const store = (await open())!;
    expect(await store.get("absent")).toBeUndefined();
    await store.delete("absent");
    await store.put("one", new Blob([bytes]));
    await store.put("two", new Blob(["text"]));
    const again = (await open())!;
    expect((await again.keys()).sort()).toEqual(["one", "two"]);
    expect(new Uint8Array(await (await again.get("one"))!.arrayBuffer())).toEqual(bytes);
    await again.put("one", new Blob(["short"]));
    expect(await (await store.get("one"))!.text()).toBe("short");
    await store.delete("one");
    expect(await again.keys()).toEqual(["two"]);
  });
});

test("a file is fetched once; one that was spoiled in the store is fetched again and put right", async () => {
  const entry = await entryOf("model.bin", bytes);
  let asked = 0;
  const fetch = async () => (++asked, new Response(bytes));
  const load = async () => loadFiles([entry], { addressOf: (name) => name, store: await openFileStore(), fetch });
  expect(await isKept([entry], await openFileStore())).toBe(false);
  expect(await load()).toMatchObject({ fetched: bytes.length, kept: true });
  expect(await load()).toMatchObject({ fetched: 0, kept: true });
  expect(asked).toBe(1);
  const spoiled = bytes.slice();
  spoiled[1000]! ^= 1;
  await (await openFileStore())!.put(keyOf(entry), new Blob([spoiled]));
  const { files } = await load();
  expect(new Uint8Array(await files.get("model.bin")!.arrayBuffer())).toEqual(bytes);
  expect(asked).toBe(2);
  expect(await load()).toMatchObject({ fetched: 0 });
});
