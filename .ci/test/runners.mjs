// The test runners, each a name and a function from the environment to what it counted.
//
// A runner's own exit status counts besides its report: when it failed without naming a failed test (a crash after the
// last one, an unhandled rejection), that is a failure too.

import { readFileSync, rmSync } from "node:fs";

import { buildPreset } from "../build/cmake.mjs";
import { build } from "../build/steps.mjs";
import { eachOf } from "../base/each.mjs";
import { filesBelow } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { output, outOfTime, status } from "../base/process.mjs";
import { buildTargets } from "../fuzz/build.mjs";
import { runTarget } from "../fuzz/run.mjs";
import { targets } from "../fuzz/targets.mjs";
import { googleTestCounts, none, sum, tapCounts, vitestCounts } from "./counts.mjs";

const report = (name) => fromRoot("build", "reports", name);

/** The counts, with a failure added when the runner failed but no test did. */
const withStatus = (counts, code) => (code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts);

async function native(preset, environment) {
  await buildPreset(preset, environment);
  const folder = fromRoot("build", preset);
  rmSync(`${folder}/reports`, { recursive: true, force: true });
  const listing = output("ctest", ["--test-dir", folder, "--show-only=json-v1"], { env: environment });
  const programs = JSON.parse(listing ?? '{"tests":[]}').tests.map(({ name }) => name);
  if (programs.length === 0) return none();
  const code = await status("ctest", ["--test-dir", folder, "--output-on-failure", "-j", "2"], { env: environment });
  return withStatus(sum(programs.map((name) => googleTestCounts(`${folder}/reports/${name}.json`))), code);
}

/** The failed tests of a TAP report, with what they say. */
function failures(tap) {
  const blocks = readFileSync(tap, { encoding: "utf8", flag: "a+" }).split(/^(?=\s*(?:not )?ok \d+ )/m);
  return blocks.filter((block) => /^\s*not ok /.test(block)).join("");
}

/** node --test over files; `program`: which Node; `log`: takes what it prints. */
async function nodeTest(name, files, program, environment, log) {
  if (files.length === 0) return none();
  const tap = report(`${name}.tap`);
  rmSync(tap, { force: true });
  const reporters = ["--test-reporter=dot", "--test-reporter-destination=stdout", "--test-reporter=tap"];
  const code = await status(program, ["--test", ...reporters, `--test-reporter-destination=${tap}`, ...files], {
    env: environment,
    log,
  });
  const counts = withStatus(tapCounts(tap), code);
  if (counts.failed > 0) console.log(failures(tap));
  return counts;
}

/** Several times what a project takes. */
const vitestLimit = 15 * 60_000;

/** One project or several, whose tests are counted together; `log` as above. */
async function vitest(projects, environment, log) {
  const names = [projects].flat();
  const [project] = names;
  const json = report(`vitest-${project}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${json}`];
  const program = fromRoot("node_modules", "vitest", "vitest.mjs");
  const attempt = () => {
    rmSync(json, { force: true });
    const options = { env: environment, limit: vitestLimit, log };
    const chosen = names.map((name) => `--project=${name}`);
    return status("node", [program, "run", ...chosen, ...reporters], options);
  };
  let code = await attempt();
  if (code === outOfTime) {
    // Firefox has been seen to stop between two files of tests, idle, once in ten runs. A second time is a failure.
    console.log(`${project}: no end after ${vitestLimit / 60_000} minutes; once more.`);
    code = await attempt();
  }
  return withStatus(vitestCounts(json), code);
}

async function wasm64(environment) {
  await build(environment, { lab: false });
  return vitest("wasm64", environment);
}

// Of each target, its corpus included, with a fixed seed. Longer runs find more, which is what `npm run fuzz` is for.
const secondsOfFuzzing = 10;

/** Each target's corpus, and some seconds more. A target is a test, and one that ran nothing is a failure. */
async function fuzz(environment) {
  await buildTargets(targets, environment);
  const counts = none();
  await eachOf(targets, 2, async (target) => {
    const { executions, findings, log } = await runTarget(target, secondsOfFuzzing, environment);
    const sound = findings.length === 0 && executions > 0;
    ++counts[sound ? "passed" : "failed"];
    console.log(`  ${target.name}: ${executions} inputs${sound ? "" : `, findings: ${findings.join(", ")}; ${log}`}`);
  });
  return counts;
}

const testFiles = (folder) => filesBelow(fromRoot(...folder.split("/"))).filter((file) => file.endsWith(".test.mjs"));

/**
 * Name, the parts it belongs to (for --only), what it is, and the run itself. `rare`: runs only when it is named.
 * `needs`: groups of system packages besides those of all tests (setup/steps.mjs). `light`: leaves a processor to its
 * neighbor in this list, if that is light, too; then its output goes to `log`.
 */
export const runners = [
  {
    name: "rules",
    parts: ["scripts"],
    what: "layer rules and build scripts (node:test)",
    run: (environment) => nodeTest("rules", [...testFiles("tests/layers"), ...testFiles(".ci")], "node", environment),
  },
  { name: "native-asan", parts: ["native"], what: "C++ under sanitizers", run: (e) => native("native-asan", e) },
  // Not by default: what is released is WebAssembly, and the sanitizers run the same tests.
  { name: "native", parts: [], rare: true, what: "C++ as released, natively", run: (e) => native("native", e) },
  {
    name: "native-tsan",
    parts: [],
    rare: true,
    what: "C++ under the thread sanitizer",
    run: (e) => native("native-tsan", e),
  },
  { name: "node", parts: ["web"], what: "package in Node 24 (Vitest)", run: (e) => vitest("node", e) },
  // Not by default: it needs 8 GiB of memory.
  { name: "wasm64", parts: [], rare: true, what: "more than 4 GiB, in Node and in browsers", run: wasm64 },
  { name: "fuzz", parts: ["web"], what: "ten fuzz targets: corpora, and a little more", run: fuzz },
  {
    name: "docs",
    parts: ["web"],
    what: "what the READMEs say, and the bench harness (node:test)",
    light: true,
    run: (environment, log) =>
      nodeTest("docs", [...testFiles("tests/docs"), ...testFiles("bench/harness")], "node", environment, log),
  },
  {
    name: "package",
    parts: ["web"],
    what: "what npm would publish (node:test)",
    light: true,
    run: (environment, log) => nodeTest("package", testFiles("tests/package"), "node", environment, log),
  },
  {
    name: "fixtures",
    parts: ["web"],
    what: "the package in three bundlers (node:test)",
    light: true,
    run: (environment, log) => nodeTest("fixtures", testFiles("tests/fixtures"), "node", environment, log),
  },
  {
    name: "node20",
    parts: ["web"],
    what: `package in Node ${process.versions.node} (node:test)`,
    // The Node that runs npm: the oldest that the package supports. Newer ones are the runner above.
    skip: process.versions.node.startsWith("20.") ? undefined : "this is not Node 20",
    light: true,
    run: (environment, log) => nodeTest("node20", testFiles("tests/node20"), process.execPath, environment, log),
  },
  {
    name: "chromium",
    parts: ["web", "browser"],
    what: "isolated page",
    light: true,
    run: (e, log) => vitest("chromium", e, log),
  },
  {
    name: "chromium-plain",
    parts: ["web", "browser"],
    what: "page not isolated",
    light: true,
    run: (e, log) => vitest("chromium-plain", e, log),
  },
  {
    name: "firefox",
    parts: ["web", "browser"],
    what: "isolated page",
    light: true,
    run: (e, log) => vitest("firefox", e, log),
  },
  // A third engine, whose packages and time not every run can afford.
  {
    name: "webkit",
    parts: ["web"],
    rare: true,
    needs: ["webkit"],
    what: "WebKitGTK as it comes: no threads, no relaxed SIMD",
    run: (e) => vitest("webkit", e),
  },
  {
    name: "webkit-fast",
    parts: ["web"],
    rare: true,
    needs: ["webkit"],
    what: "WebKitGTK with threads",
    run: (e) => vitest("webkit-fast", e),
  },
  {
    name: "lab-webkit",
    parts: ["web", "lab"],
    rare: true,
    needs: ["webkit"],
    what: "the lab in WebKitGTK",
    run: (e) => vitest("lab-webkit", e),
  },
  { name: "lab", parts: ["web", "lab"], what: "the lab, end to end", run: (e) => vitest(["lab", "lab-opening"], e) },
];
