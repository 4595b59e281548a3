/** The parts of the model's page that need no page: which files are used, what a policy's text means, what a hunt asks. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { GeneratedToken } from "heed";
import { describe, expect, test } from "vitest";
import manifest from "../../web/lab/assets/decoder/manifest.json" with { type: "json" };
import type { FileStore } from "../../web/lab/device/file-store.js";
import { isKept, keyOf, loadFiles, type LoadFilesOptions } from "../../web/lab/device/load-files.js";
import { sortFiles } from "../../web/lab/device/model-files.js";
import { isAnswer, passKeyPrompt } from "../../web/lab/device/pass-key.js";
import { attentionOf, defaultChoice, nameOf, readChoice, writeChoice } from "../../web/lab/device/policy-choice.js";
import { meanOf, RunRecorder } from "../../web/lab/device/run-record.js";
import { policyOf } from "../../web/lab/experiments/model-policies.js";
import { parseTable } from "../../web/lab/framework/parse-table.js";

const assets = new URL("../../web/lab/assets/decoder/", import.meta.url);

test("the manifest is that of the committed files, each small enough for hosts that refuse 25 MB", () => {
  for (const { name, bytes, sha256 } of manifest.files) {
    const file = readFileSync(new URL(name, assets));
    expect([name, file.length, createHash("sha256").update(file).digest("hex")]).toEqual([name, bytes, sha256]);
    expect(bytes).toBeLessThan(25_000_000);
  }
  const { weight_map } = JSON.parse(readFileSync(new URL("model.safetensors.index.json", assets), "utf8")) as {
    weight_map: Record<string, string>;
  };
  const names = manifest.files.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining([...new Set(Object.values(weight_map)), "config.json"]));
});

describe("files that are checked", () => {
  const contents = { "a.bin": "first file", "b.bin": "the second" };
  const entries = Object.entries(contents).map(([name, text]) => ({
    name,
    bytes: text.length,
    sha256: createHash("sha256").update(text).digest("hex"),
  }));

  function memoryStore(): FileStore & { files: Map<string, Blob> } {
    const files = new Map<string, Blob>();
    return {
      files,
      kind: "cache",
      get: async (key) => files.get(key),
      put: async (key, file) => void files.set(key, file),
      keys: async () => [...files.keys()],
      delete: async (key) => void files.delete(key),
    };
  }

  /** A network that answers with what `answers` says in turn, then with the right file. */
  function network(answers: Record<string, readonly (string | Response)[]> = {}) {
    const asked: [string, RequestCache | undefined][] = [];
    const left = new Map(Object.entries(answers).map(([name, list]) => [name, [...list]]));
    const fetch = async (address: string | URL | Request, init?: RequestInit): Promise<Response> => {
      init?.signal?.throwIfAborted();
      const name = String(address) as keyof typeof contents;
      asked.push([name, init?.cache]);
      const answer = left.get(name)?.shift() ?? contents[name];
      return typeof answer === "string" ? new Response(answer) : answer;
    };
    return { asked, fetch };
  }

  const load = (options: Partial<LoadFilesOptions>) => loadFiles(entries, { addressOf: (name) => name, ...options });
  const textsOf = async (files: ReadonlyMap<string, Blob>) =>
    Object.fromEntries(await Promise.all([...files].map(async ([name, file]) => [name, await file.text()] as const)));

  test("come from the network once, then from the store", async () => {
    const store = memoryStore();
    const [first, second] = [network(), network()];
    const progress: number[] = [];
    const loaded = await load({ store, fetch: first.fetch, onProgress: (p) => progress.push(p.loaded / p.total) });
    expect(await textsOf(loaded.files)).toEqual(contents);
    expect(loaded).toMatchObject({ fetched: 20, kept: true });
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(await isKept(entries, store)).toBe(true);
    const again = await load({ store, fetch: second.fetch });
    expect(await textsOf(again.files)).toEqual(contents);
    expect(again.fetched).toBe(0);
    expect(second.asked).toEqual([]);
  });

  test("of a store are fetched anew when they were changed, cut short, or are another build's", async () => {
    for (const spoiled of ["first FILE", "first"]) {
      const store = memoryStore();
      await load({ store, fetch: network().fetch });
      store.files.set(keyOf(entries[0]!), new Blob([spoiled]));
      store.files.set("0123456789abcdef-a.bin", new Blob(["older"]));
      const { asked, fetch } = network();
      expect(await textsOf((await load({ store, fetch })).files)).toEqual(contents);
      expect(asked).toEqual([["a.bin", "default"]]);
      expect([...store.files.keys()].sort()).toEqual(entries.map(keyOf).sort());
      expect(await store.files.get(keyOf(entries[0]!))!.text()).toBe(contents["a.bin"]);
    }
  });

  test.each(["other file", "first", "first file and more"])(
    "of the network, as %j, are asked for again, past caches",
    async (wrong) => {
      const { asked, fetch } = network({ "a.bin": [wrong] });
      expect(await textsOf((await load({ fetch })).files)).toEqual(contents);
      expect(asked.map(([, cache]) => cache)).toEqual(["default", "reload", "default"]);
    },
  );

  test.each([
    ["other file", /a\.bin has other contents .* twice; it is not used/],
    ["first", /a\.bin ends after 5 of its 10 bytes, twice/],
    ["first file and more", /a\.bin is longer than its 10 bytes, twice/],
  ])("of the network that stay %j are never used and never kept", async (wrong, message) => {
    const store = memoryStore();
    await expect(load({ store, fetch: network({ "a.bin": [wrong, wrong] }).fetch })).rejects.toThrow(message);
    expect(store.files.size).toBe(0);
  });

  test("that a server refuses are an error with its status", async () => {
    const refused = new Response("no", { status: 503 });
    await expect(load({ fetch: network({ "b.bin": [refused] }).fetch })).rejects.toThrow(
      "b.bin was answered with status 503",
    );
    await expect(load({ fetch: () => Promise.reject(new TypeError("no network")) })).rejects.toThrow(
      /a\.bin could not be fetched: no network/,
    );
  });

  test("work without a store, with one that is full, and with one that is broken", async () => {
    const full = { ...memoryStore(), put: () => Promise.reject(new DOMException("full", "QuotaExceededError")) };
    const refuse = () => Promise.reject(new DOMException("no", "SecurityError"));
    const broken: FileStore = { kind: "cache", get: refuse, put: refuse, keys: refuse, delete: refuse };
    for (const store of [undefined, full, broken]) {
      const loaded = await load({ store, fetch: network().fetch });
      expect(await textsOf(loaded.files)).toEqual(contents);
      expect(loaded.kept).toBe(false);
      expect(await isKept(entries, store)).toBe(false);
    }
  });

  test("can be cancelled, before and on the way", async () => {
    const reason = new Error("enough");
    await expect(load({ fetch: network().fetch, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const endless = new Response(
      new ReadableStream({
        pull(stream) {
          stream.enqueue(new TextEncoder().encode("f"));
          controller.abort(reason);
          stream.error(new DOMException("gone", "AbortError"));
        },
      }),
    );
    await expect(load({ fetch: network({ "a.bin": [endless] }).fetch, signal: controller.signal })).rejects.toBe(
      reason,
    );
  });
});

describe("a reader's files", () => {
  const file = (name: string) => new File(["x"], name);
  const all = ["config.json", "tokenizer.json", "model.safetensors"].map(file);

  test("are sorted by their names", () => {
    expect(sortFiles(all)).toMatchObject({
      name: "model.safetensors",
      config: all[0],
      tokenizer: all[1],
      weights: [all[2]],
    });
    const index = file("model.safetensors.index.json");
    const second = file("b.safetensors");
    expect(sortFiles([...all, index, second]).weights).toEqual([index, all[2], second]);
    expect(sortFiles([...all, file("tokenizer_config.json")]).tokenizerConfig?.size).toBe(1);
  });

  test.each([
    [[], "A model needs config.json, a .safetensors file and tokenizer.json as well; nothing was chosen"],
    [["config.json"], "A model needs a .safetensors file and tokenizer.json as well; there is config.json"],
    [["config.json", "a.safetensors"], "A model needs tokenizer.json as well; there is config.json, a.safetensors"],
  ])("%j: says what is missing", (names, message) => {
    expect(() => sortFiles(names.map(file))).toThrow(message);
  });
});

describe("a policy's text", () => {
  test("comes back as it went in, and what is not legal keeps its default", () => {
    const choice = { ...defaultChoice, kind: "growing", alpha: 0.5, exponent: 0.75, exactLayers: 2 } as const;
    expect(readChoice(writeChoice(choice), defaultChoice)).toEqual(choice);
    expect(readChoice(null, choice)).toBe(choice);
    for (const hostile of ["", ",,,", "best,-1,x,9,alert(1),y,0,-5,1.5", "<b>".repeat(50)]) {
      expect(readChoice(hostile, choice)).toEqual(choice);
    }
  });

  test("names and means what heed takes", () => {
    const of = (change: Partial<typeof defaultChoice>) => ({ ...defaultChoice, ...change });
    expect(attentionOf(of({ kind: "exact", exactLayers: 3 }), 4)).toBe("exact");
    expect(attentionOf(of({}), 2)).toEqual({ keep: { k: 8 }, estimator: "linear", search: "auto" });
    expect(attentionOf(of({ kind: "window", exactLayers: 1 }), 3)).toEqual([
      "exact",
      { window: 252, sinks: 4 },
      { window: 252, sinks: 4 },
    ]);
    expect(nameOf(of({ kind: "growing", exactLayers: 2 }))).toBe("1 n^0.25, linear; layers 0–1 exact");
  });

  test("of the study's tables is a policy, for every row there is", () => {
    const rows = parseTable(readFileSync(new URL("../studies/results/E21-loss.csv", import.meta.url), "utf8"));
    const names = new Set(rows.map(({ policy }) => String(policy)));
    expect(names.size).toBeGreaterThan(8);
    for (const policy of names) expect(policyOf({ policy, estimator: "" })).toBeDefined();
    expect(policyOf({ policy: "0.1108n^0.5", estimator: "raw" })).toEqual({
      keep: { alpha: 0.1108, exponent: 0.5 },
      estimator: "raw",
    });
    expect(policyOf({ policy: "window=252+4", estimator: "" })).toEqual({ window: 252, sinks: 4 });
    expect(policyOf({ policy: "ln 16384", estimator: "linear" })).toEqual({ keep: { k: 10 }, estimator: "linear" });
    expect(() => policyOf({ policy: "some", estimator: "" })).toThrow("no policy named some");
  });
});

test("tables: columns of numbers are numbers, and an empty cell there is none", () => {
  expect(parseTable("name,n,more\na,1,\nb,2,-0.5\n")).toEqual([
    { name: "a", n: 1, more: Number.NaN },
    { name: "b", n: 2, more: -0.5 },
  ]);
});

describe("a pass key", () => {
  const model = {
    encode: async (text: string, { bos = true }: { bos?: boolean } = {}) =>
      Uint32Array.from([...(bos ? [1] : []), ...[...text].map((one) => one.charCodeAt(0))]),
  };
  const filler = Array.from({ length: 300 }, (_, i) => 1000 + i);
  const ask = (depth: number, n = 400) => passKeyPrompt(model, filler, { n, depth, word: "river", key: "12345" });

  test.each([0, 0.5, 1])("stands at depth %d of a prompt of that length", async (depth) => {
    const ids = await ask(depth);
    expect(ids).toHaveLength(400);
    expect(ids[0]).toBe(1);
    const text = ids.slice(1).map((id) => (id < 1000 ? String.fromCharCode(id) : "_"));
    const whole = text.join("");
    const room = whole.split("_").length - 1;
    expect(whole.indexOf(" The pass key for river is 12345.")).toBe(Math.round(depth * room));
    expect(whole.endsWith(" What is the pass key for river? The pass key for river is")).toBe(true);
    // A short novel begins again.
    expect(ids.filter((id) => id === 1000).length).toBe(room > 300 ? 2 : 1);
  });

  test("needs room, and is found by its digits", async () => {
    await expect(ask(0.5, 60)).rejects.toThrow(/60 tokens have no room/);
    expect([" 12345.", " 1 2345 and", "1234", "54321", ""].map((said) => isAnswer(said, "12345"))).toEqual([
      ...[true, true],
      ...[false, false, false],
    ]);
  });
});

describe("a record of what is written", () => {
  const token = (position: number, seen: number, dropped: number, kept: number): GeneratedToken => ({
    ...{ id: position, text: `t${position} `, logprob: -1, position, ms: 100, tokensPerSecond: 10 },
    ...{ cacheTokens: position, cacheBytes: 64 * position, reused: 0, dropped },
    report: {
      ...{ layers: 1, heads: 2, seen: Float64Array.of(seen, seen) },
      kept: Float64Array.of(kept, kept),
      ...{ dropped: Float64Array.of(dropped, 0), bound: Float64Array.of(2 * dropped, 0) },
    },
  });

  test("means over the written tokens, the prompt left out", () => {
    const recorder = new RunRecorder();
    const first = recorder.add(token(10, 5.5, 0.9, 5.5));
    expect(first).toMatchObject({ read: 10, readPerSecond: 100, text: "t10 ", cacheBytes: 640 });
    expect([...first.means.dropped]).toEqual([0.9, 0]);
    expect([...first.means.kept]).toEqual([1, 1]);
    recorder.add(token(11, 11, 0.2, 2.2));
    const third = recorder.add(token(12, 12, 0.4, 2.4));
    expect(third.ids).toEqual([10, 11, 12]);
    expect(third.means.dropped[0]).toBeCloseTo(0.3, 12);
    expect(third.means.bound[0]).toBeCloseTo(0.6, 12);
    expect(third.means.kept[1]).toBeCloseTo(0.2, 12);
    expect(meanOf(third.means.dropped)).toBeCloseTo(0.15, 12);
  });

  test("what a window hides is not known", () => {
    const recorder = new RunRecorder();
    recorder.add(token(10, 5.5, 0, 5.5));
    const { means } = recorder.add(token(11, 4, 0, 4));
    expect([...means.dropped]).toEqual([Number.NaN, Number.NaN]);
    expect(meanOf(means.bound)).toBeNaN();
    expect(means.kept[0]).toBeCloseTo(4 / 11, 12);
  });
});
