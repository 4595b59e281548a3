// npm run bench: heed beside its peers, in Node and in Chromium. README.md says what the columns mean.
//
// It runs twice: first in any Node, to set up and build, then again in the Node of the tools, to measure.

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

import { Failure, guarded } from "../.ci/base/failure.mjs";
import { status } from "../.ci/base/process.mjs";
import { describeMachine, describeSource } from "./harness/machine.mjs";
import { readOptions, usage } from "./harness/options.mjs";
import { runMarkdown, tableMarkdown } from "./harness/report.mjs";

// Loaded when asked for: a run in Node alone needs no package at all.
const engines = {
  node: async () => (await import("./harness/node_engine.mjs")).startNode(),
  chromium: async () => (await import("./harness/chromium_engine.mjs")).startChromium(),
};

async function suitesOf(names) {
  return Promise.all(names.map(async (name) => ({ name, ...(await import(`./suites/${name}.mjs`)) })));
}

/** One line that is written over, and nothing where the output is a file. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text.slice(0, 100)}`);
}

/** Everything so far is written after every table: a run that is cut short has not been for nothing. */
function write(out, result) {
  const file = resolve(out);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
  writeFileSync(`${file}.md`, runMarkdown(result));
}

async function measure(options, suites) {
  const { quick, out } = options;
  const result = { schema: 1, quick, source: describeSource(), machine: describeMachine(), tables: [] };
  for (const engineName of options.engines) {
    const engine = await engines[engineName]();
    try {
      for (const { name, run } of suites) {
        const tell = (text) => progress(`${name} in ${engineName}: ${text}`);
        for await (const table of run(engine, { ...options, tell })) {
          result.tables.push({ suite: name, engine: engineName, engineTitle: engine.title, ...table });
          progress("");
          console.log(tableMarkdown(result.tables.at(-1)));
          write(out, result);
        }
      }
    } finally {
      await engine.close();
    }
  }
  if (result.tables.length === 0) throw new Failure(`no suite has a shape "${options.shape}"; see bench/shapes.`);
  console.log(`written to ${out}.json and ${out}.md`);
}

await guarded(async () => {
  const options = readOptions(process.argv.slice(2));
  if (options.help) return console.log(usage);
  const suites = await suitesOf(options.suites);
  if (options.prepared) return measure(options, suites);

  const { prepare } = await import("./harness/prepare.mjs");
  const needsPeers = options.peers && suites.some(({ usesPeers }) => usesPeers);
  const environment = await prepare({ engines: options.engines, needsPeers });
  const again = [fileURLToPath(import.meta.url), "--prepared", ...process.argv.slice(2)];
  return status("node", again, { env: environment });
});
