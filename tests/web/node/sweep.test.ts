/** `heed sweep` as a program: the rows of `simulate`, in both formats, and what it refuses. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../../dist/heed.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "heed-sweep-"));
const heed = await create({ studies: true });
afterAll(() => {
  heed.dispose();
  rmSync(folder, { recursive: true });
});

function sweep(...args: string[]) {
  return spawnSync(process.execPath, [program, "sweep", ...args], { encoding: "utf8" });
}

const parameters = { n: [64, 128], d: 16, rows: 20, keep: [4], exponent: [0.5], self: false };
const settings = Object.entries(parameters).flatMap(([name, value]) => ["--set", `${name}=${String(value)}`]);
const expected = [...heed.simulate("E2", parameters)];

describe("heed sweep", () => {
  test("writes the rows of simulate as CSV, and nothing else", () => {
    const { status, stdout, stderr } = sweep("E2", ...settings);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [head, ...lines] = stdout.trimEnd().split("\n");
    expect(head).toBe(Object.keys(expected[0]!).join(","));
    expect(lines).toEqual(
      expected.map((row) =>
        Object.values(row)
          .map((cell) => (Number.isNaN(cell) ? "" : String(cell)))
          .join(","),
      ),
    );
  });

  test("writes JSON to a file", () => {
    const path = join(folder, "rows.json");
    const { status, stdout } = sweep("E2", ...settings, "--out", "json", "--file", path, "--threads", "1");
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  test("a list of one number, words and E1", () => {
    const { status, stdout } = sweep("E1", "--set", "n=64", "--set", "epsilon=0.01,1e-3", "--set", "weights=identity");
    expect(status).toBe(0);
    const rows = [...heed.simulate("E1", { n: [64], epsilon: [0.01, 1e-3], weights: "identity" })];
    expect(stdout.split("\n")[1]).toBe(Object.values(rows[0]!).join(","));
    expect(stdout.trimEnd().split("\n")).toHaveLength(3);
  });

  test.each([
    [[], 2, /the id of a protocol is missing/],
    [["E99"], 1, /the id of simulate is the string "E99"/],
    [["E2", "n=4"], 2, /"n=4" is not understood; parameters come after --set/],
    [["E2", "--set", "n"], 2, /--set n is no NAME=VALUE/],
    [["E2", "--set", "n=4", "--set", "n=5"], 2, /--set n is given twice/],
    [["E2", "--set", "n=one"], 1, /n is the string "one"; an array/],
    [["E2", "--set", "m=4"], 1, /simulate E2 has no option "m"/],
    [["E2", "--out", "xml"], 2, /--out is xml; csv or json/],
    [["E2", "--threads", "0"], 2, /--threads is 0/],
    [["E2", "--fast"], 2, /--fast/],
    [["E4", ...["--set", "n=64"], "--file", join(folder, "no", "such")], 1, /cannot be written/],
  ] as const)("%j ends with %d", (args, code, text) => {
    const { status, stdout, stderr } = sweep(...args);
    expect(stderr).toMatch(text);
    expect({ status, stdout }).toEqual({ status: code, stdout: "" });
  });

  test("--help says what it takes", () => {
    const { status, stdout } = sweep("--help");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^usage: heed sweep ID/);
  });
});
