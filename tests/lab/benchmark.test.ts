/** The benchmark page without a page: settings and links, tables, comparisons, the roofline, reports. */
import { describe, expect, test } from "vitest";
import { effortOf } from "../../web/lab/benchmark/effort.js";
import { allowed, pointsOf, roofsOf } from "../../web/lab/benchmark/roofline.js";
import { clockText, toJson, toMarkdown } from "../../web/lab/benchmark/report.js";
import { columnsOf, compared, verdictText } from "../../web/lab/benchmark/rows.js";
import type { Result } from "../../web/lab/benchmark/run.js";
import { choices, defaultSettings, fromHash, toHash, type Settings } from "../../web/lab/benchmark/settings.js";
import { packageOf, tablesOf } from "../../web/lab/benchmark/tables.js";
import type { Row } from "../../web/lab/benchmark/types.js";

const defaults = defaultSettings(8, true);
const everything: Settings = {
  operations: [...choices.operations],
  arithmetic: [...choices.arithmetic],
  threads: [1, 3, 8],
  beside: [...choices.beside],
  ...{ n: 2048, cache: 16384, heads: 4, headDim: 96, causal: false, k: 128, seconds: 0.1, seed: 7 },
};
const allPackages = { packages: Object.values(packageOf), isolated: true };

describe("links", () => {
  test("every setting comes back as it went in, on a machine with other defaults", () => {
    for (const settings of [everything, defaults, { ...everything, operations: ["decode"], beside: [] } as Settings]) {
      const read = fromHash(`#${toHash(settings)}`, defaultSettings(2, false));
      expect(read).toEqual({ settings, refused: [] });
    }
  });

  test("what is no setting stays at its default, and is named", () => {
    const { settings, refused } = fromHash(
      "#n=1000&threads=0&k=<b>&operations=exact.rm&code=1&seed=-1&heads=4",
      defaults,
    );
    expect(settings).toEqual({ ...defaults, heads: 4 });
    expect(refused).toHaveLength(6);
    expect(refused.join()).toContain('n cannot be "1000"');
  });

  test("as many keys as there are tokens cannot be kept", () => {
    const { settings, refused } = fromHash("#n=64&k=64", defaults);
    expect(settings.k).toBe(32);
    expect(refused).toEqual(["k cannot be 64 with 64 tokens"]);
  });

  test("without isolation one thread is measured", () => {
    expect(defaultSettings(8, false).threads).toEqual([1]);
    expect(defaults.threads).toEqual([1, 8]);
    expect(defaultSettings(1, true).threads).toEqual([1]);
  });
});

describe("tables", () => {
  test("each operation has heed in every build, plain JavaScript, and its ceilings", () => {
    for (const { entries } of tablesOf(everything, allPackages)) {
      const heed = entries.filter(({ kind }) => kind === "heed").map(({ options }) => options["variant"]);
      expect(new Set(heed)).toEqual(new Set(["relaxed", "relaxed-threads", "simd", "threads"]));
      expect(entries.filter(({ name }) => name === "plain JavaScript")).toHaveLength(1);
      const ceilings = entries.filter(({ kind }) => kind === "ceiling").map(({ name }) => name);
      // The largest cache is 2 x 16384 x 4 x 96 numbers: 48 MB.
      expect(new Set(ceilings)).toEqual(new Set(["madd", "mul+add", "read 64 MB"]));
    }
  });

  test("peers take part where they do the operation", () => {
    const modulesOf = (settings: Settings, packages: string[]): Set<string> =>
      new Set(
        tablesOf(settings, { packages, isolated: true }).flatMap(({ entries }) => entries.map((one) => one.module)),
      );
    expect(modulesOf(everything, allPackages.packages)).toContain("peers/litert.mjs");
    expect(modulesOf(everything, allPackages.packages)).toContain("peers/onnx_decode.mjs");
    expect(modulesOf({ ...everything, beside: ["tfjs"] }, allPackages.packages)).not.toContain("peers/litert.mjs");
    expect(modulesOf({ ...everything, operations: ["topk"] }, allPackages.packages)).not.toContain("peers/litert.mjs");
  });

  test("what cannot run here says why", () => {
    const reasons = (isolated: boolean): (string | undefined)[] =>
      tablesOf({ ...everything, operations: ["exact"] }, { ...allPackages, isolated })[0]!.entries.map(
        ({ notTried }) => notTried,
      );
    expect(reasons(false).filter((reason) => reason?.includes("isolated")).length).toBeGreaterThan(6);
    expect(reasons(true).filter((reason) => reason?.includes("isolated"))).toEqual([]);
    const bare = tablesOf(everything, { packages: [], isolated: true }).flatMap(({ entries }) => entries);
    const peers = bare.filter(({ kind, name }) => kind === "peer" && name !== "plain JavaScript");
    expect(peers.length).toBeGreaterThan(9);
    expect(peers.every(({ notTried }) => notTried?.includes("not installed"))).toBe(true);
    // TensorFlow.js at 3 and 8 threads.
    expect(reasons(true).filter((reason) => reason?.includes("blob:"))).toHaveLength(2);
  });
});

test("a sample lasts 5 ms and 50 steps of the clock", () => {
  expect(effortOf({ ...defaults, seconds: 3 }, { timerStep: 0.005 })).toMatchObject({ budget: 3000, sample: 5 });
  expect(effortOf(defaults, { timerStep: 1 }).sample).toBe(50);
});

const time = (median: number): NonNullable<Row["milliseconds"]> => ({
  ...{ median, p25: median, p75: median, least: median, most: median, samples: 5, batch: 2 },
  interval: [0.9 * median, 1.1 * median],
});
const flops = 4e6;

/** One table: heed exact and top-k on one thread, heed exact on two, a peer, a wrong peer, and the loops. */
function measured(): Result {
  const settings: Settings = {
    ...everything,
    operations: ["topk"],
    arithmetic: ["relaxed"],
    threads: [1],
    beside: ["plain"],
  };
  const [{ entries, title, shape }] = tablesOf(settings, allPackages) as [ReturnType<typeof tablesOf>[number]];
  const rows = entries.map(({ name, kind, options }): Row => {
    const row: Row = { candidate: name, kind, threads: 1, verdict: "right", error: 1e-7, ...variantOf(options) };
    const median = name === "heed, exact" ? 1 : name === "plain JavaScript" ? 20 : 2;
    const rate = flops / median / 1e6;
    if (kind !== "ceiling") return { ...row, milliseconds: time(median), gflops: rate };
    const speed = name.startsWith("read") ? { gigabytesPerSecond: 10 } : { gflops: name === "madd" ? 40 : 30 };
    return { ...row, milliseconds: time(60), ...speed };
  });
  return {
    settings,
    started: "2026-01-02T03:04:05.000Z",
    environment: {
      ...{
        heed: "1.2.3",
        browser: "Here 1",
        userAgent: "Here/1",
        cores: 4,
        memoryGiB: 8,
        isolated: true,
        timerStep: 0.005,
      },
    },
    tables: [{ operation: "topk", title, shape, rows: compared(rows, entries), complete: true }],
  };
}
const variantOf = (options: Record<string, unknown>): { variant?: string } =>
  typeof options["variant"] === "string" ? { variant: options["variant"] } : {};

describe("comparisons", () => {
  const { rows } = measured().tables[0]!;
  const row = (name: string): Row => rows.find(({ candidate }) => candidate === name)!;

  test("top-k stands against heed's exact call, plain JavaScript against heed's fastest of the same operation", () => {
    expect(row("heed, top-k linear").speedup).toBe(0.5);
    expect(row("heed, exact").speedup).toBeUndefined();
    expect(row("plain JavaScript").heedFaster).toBe(10);
  });

  test("a wrong answer is shown as wrong, with its error and without time or ratio, and is no yardstick", () => {
    const settings: Settings = {
      ...everything,
      operations: ["exact"],
      arithmetic: ["relaxed"],
      threads: [1],
      beside: ["plain"],
    };
    const entries = tablesOf(settings, allPackages)[0]!.entries.filter(({ kind }) => kind !== "ceiling");
    const base = { threads: 1, variant: "relaxed" };
    const wrong: Row = { ...base, candidate: "heed", kind: "heed", verdict: "wrong", reason: "off by 1", error: 1 };
    const right: Row = {
      ...base,
      candidate: "plain JavaScript",
      kind: "peer",
      verdict: "right",
      milliseconds: time(3),
    };
    const [first, second] = compared([wrong, right], entries) as [Row, Row];
    expect(verdictText(first)).toBe("wrong: off by 1");
    const cells = Object.fromEntries(columnsOf([first, second]).map(({ name, cell }) => [name, cell(first)]));
    expect(cells).toMatchObject({ error: "1.0e+0", "median ms": "" });
    expect(second.heedFaster).toBeUndefined();
  });
});

describe("roofline", () => {
  test("below the ridge bandwidth decides, above it the peak", () => {
    const roof = { peak: 40, bandwidth: 10 };
    expect([1, 4, 100].map((intensity) => allowed(roof, intensity))).toEqual([10, 40, 40]);
  });

  test("the roof is the best of each kind of loop, and needs both", () => {
    const { tables } = measured();
    const read = tables[0]!.rows.find(({ gigabytesPerSecond }) => gigabytesPerSecond !== undefined)!.candidate;
    expect(roofsOf(tables)).toEqual([{ threads: 1, peak: 40, bandwidth: 10, reading: read }]);
    const without = tables[0]!.rows.filter(({ gigabytesPerSecond }) => gigabytesPerSecond === undefined);
    expect(roofsOf([{ rows: without }])).toEqual([]);
  });

  test("a point lies at the work of its operation over the bytes it has to move", () => {
    const points = pointsOf(measured().tables);
    expect(points.map(({ kind }) => kind)).not.toContain("ceiling");
    const exact = points.find(({ name }) => name.startsWith("heed, exact"))!;
    // 4 n² d flops a head over 16 n d bytes.
    expect(exact.intensity).toBe(2048 / 4);
    expect(exact.share).toBeCloseTo(exact.gflops / 40, 12);
  });
});

describe("reports", () => {
  const result = measured();

  test("Markdown has the surroundings, a table with times, intervals and errors, the roof and the link", () => {
    const text = toMarkdown(result, "https://lab.test/benchmark.html#n=2048", true);
    expect(text).toContain("heed 1.2.3, Here 1; 4 cores; 8 GiB or more; isolated; clock step 5 µs");
    expect(text).toMatch(/\| heed, exact \| relaxed \| 1 \| 1\.00 \| 1\.0e-7 \| 0\.900 – 1\.10 \|/);
    expect(text).toMatch(/\| plain JavaScript \|.*\| heed 10\.00x \|/);
    expect(text).toContain("1: 40.0 GFLOP/s, 10.0 GB/s");
    expect(text).toContain("Repeat: https://lab.test/benchmark.html#n=2048");
    expect(text).not.toContain("Aborted");
    const widths = text
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) => line.split("|").length);
    expect(new Set(widths).size).toBe(1);
  });

  test("a verdict takes the place of the time, and cannot break the table", () => {
    const broken = structuredClone(result);
    const [row] = broken.tables[0]!.rows as [Row];
    Object.assign(row, { verdict: "failed", reason: "a | b" });
    delete row.milliseconds;
    const text = toMarkdown(broken, "link", false);
    expect(text).toContain("**failed: a \\| b**");
    expect(text).toContain("**Aborted: these rows are not complete.**");
  });

  test("JSON holds everything that a repetition needs", () => {
    const report = JSON.parse(toJson(result, "link", true)) as Record<string, unknown>;
    expect(report).toMatchObject({ schema: 1, link: "link", complete: true, settings: result.settings });
    expect(report["tables"]).toEqual(JSON.parse(JSON.stringify(result.tables)));
    expect(report["points"]).toHaveLength(4);
  });

  test("a step of the clock is read in its own unit", () => {
    expect([0.005, 0.1, 1].map(clockText)).toEqual(["5 µs", "0.1 ms", "1 ms"]);
  });
});
