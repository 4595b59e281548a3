/**
 * `heed sweep`: runs a protocol of the theory and writes its rows; parameters as `simulate` takes them.
 *
 * Rows are written as they come, so that a sweep that is stopped leaves what it has. Progress goes to stderr, and only
 * where a person reads it.
 */
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";

import { create, type Progress, type SimulationId, type SimulationRow } from "heed";

import { CommandError, UsageError, type Command } from "./command.js";
import { headSweep, type HeadRow } from "./head-sweep.js";

const usage = `usage: heed sweep ID [--set NAME=VALUE ...] [--out csv|json] [--file PATH] [--threads N]

Runs a protocol, E1 and so on (README.md lists them), and writes a row per point.

E10 is run on the heads of a model: --set file=PATH as heed radius takes it, and what attention received in
--set activations=FILE.

  --set NAME=VALUE  a parameter of the protocol, any number of times: a number, a list of numbers with commas, a word,
                    true or false; for example --set n=256,1024 --set d=64 --set weights=identity
  --out FORMAT      csv (default) or json
  --file PATH       where to; default: stdout
  --threads N       default: all`;

const formats = ["csv", "json"] as const;
type Format = (typeof formats)[number];

/** Parameters that are lists, also where one number is given. */
const lists: Readonly<Record<string, readonly string[]>> = {
  E1: ["n", "epsilon"],
  E2: ["n", "keep", "exponent"],
  E3: ["n", "exponent", "sigma", "gamma"],
  E4: ["n", "keep", "logFactor"],
  E5: ["n", "sigma", "gamma"],
  E6: ["n"],
  E7: ["n", "gain"],
  E8: ["budget"],
  E9: ["n", "strength"],
  E11: ["n"],
  E12: ["n"],
  E13: ["n", "recall", "enough", "tables", "components", "channels"],
  E14: ["alpha", "exponent"],
  E16: ["base", "slope", "offset"],
  E17: ["n"],
  E18: ["n", "mass"],
  E19: ["dimension", "rho", "gamma"],
  E20: ["horizon", "n"],
  E22: ["n", "keep", "exponent"],
};

type Value = number | number[] | string | boolean;

function valueOf(id: string, name: string, text: string): Value {
  if (text === "true" || text === "false") return text === "true";
  const numbers = text.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  if (numbers.some(Number.isNaN)) return text;
  return lists[id]?.includes(name) || numbers.length > 1 ? numbers : (numbers[0] as number);
}

/** `--set` options to parameters. @throws {UsageError} */
export function parametersOf(id: string, settings: readonly string[]): Record<string, Value> {
  const parameters: Record<string, Value> = {};
  for (const setting of settings) {
    const at = setting.indexOf("=");
    if (at < 1) throw new UsageError(`--set ${setting} is no NAME=VALUE`);
    const name = setting.slice(0, at);
    if (Object.hasOwn(parameters, name)) throw new UsageError(`--set ${name} is given twice`);
    parameters[name] = valueOf(id, name, setting.slice(at + 1));
  }
  return parameters;
}

/** A line that writes over itself; silent where stderr is no terminal. */
class ProgressBar {
  static readonly #width = 30;
  #shown = "";

  show(loaded: number, total: number): void {
    if (!process.stderr.isTTY || total === 0) return;
    const filled = Math.round((ProgressBar.#width * loaded) / total);
    const bar = "#".repeat(filled).padEnd(ProgressBar.#width, ".");
    const text = `[${bar}] point ${Math.min(total, Math.floor(loaded) + 1)} of ${total}`;
    if (text === this.#shown) return;
    this.#shown = text;
    process.stderr.write(`\r${text}`);
  }

  clear(): void {
    if (this.#shown !== "") process.stderr.write(`\r${" ".repeat(this.#shown.length)}\r`);
  }
}

/** Rows one by one, in either format. */
function* lines(format: Format, row: SimulationRow | HeadRow, first: boolean): Generator<string> {
  if (format === "json") {
    // JSON has no NaN; a number that was not asked for is null there and empty in CSV.
    yield `${first ? "[" : ","}\n${JSON.stringify(row)}`;
    return;
  }
  if (first) yield `${Object.keys(row).join(",")}\n`;
  const cells = Object.values(row).map((value: number | string) => (Number.isNaN(value) ? "" : String(value)));
  yield `${cells.join(",")}\n`;
}

interface RunOptions {
  signal: AbortSignal;
  onProgress(progress: Progress): void;
  threads?: number;
}

async function* simulated(id: string, parameters: object, options: RunOptions): AsyncGenerator<SimulationRow> {
  const { threads, ...call } = options;
  const heed = await create({ studies: true, ...(threads === undefined ? {} : { threads }) });
  try {
    yield* heed.simulate(id as SimulationId, parameters as never, call);
  } finally {
    await heed.dispose();
  }
}

async function run(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      set: { type: "string", multiple: true, default: [] },
      out: { type: "string", default: "csv" },
      file: { type: "string" },
      threads: { type: "string" },
    },
  });
  const [id, ...others] = positionals;
  if (id === undefined) throw new UsageError("the id of a protocol is missing");
  if (others.length > 0) throw new UsageError(`"${others.join(" ")}" is not understood; parameters come after --set`);
  const format = formats.find((one) => one === values.out);
  if (format === undefined) throw new UsageError(`--out is ${values.out}; csv or json is needed`);
  const threads = values.threads === undefined ? undefined : Number(values.threads);
  if (threads !== undefined && !(Number.isInteger(threads) && threads > 0)) {
    throw new UsageError(`--threads is ${values.threads}; an integer of at least 1 is needed`);
  }
  const parameters = parametersOf(id, values.set);

  const bar = new ProgressBar();
  const stopped = new AbortController();
  const stop = () => stopped.abort(new CommandError("stopped; the rows so far were written"));
  process.once("SIGINT", stop);
  const target = values.file === undefined ? undefined : createWriteStream(values.file);
  // Reported once the rows are done, or at the next one.
  let broken: Error | undefined;
  target?.on("error", (error) => (broken = error));
  const write = (text: string): void => {
    if (broken) throw new CommandError(`${values.file} cannot be written: ${broken.message}`);
    (target ?? process.stdout).write(text);
  };
  try {
    let first = true;
    const onProgress = ({ phase, loaded, total }: Progress) => {
      if (phase === "run") bar.show(loaded, total);
    };
    const options = { signal: stopped.signal, onProgress, ...(threads === undefined ? {} : { threads }) };
    try {
      for await (const row of id === "E10" ? headSweep(parameters, options) : simulated(id, parameters, options)) {
        if (stopped.signal.aborted) throw stopped.signal.reason;
        bar.clear();
        for (const text of lines(format, row, first)) write(text);
        first = false;
      }
    } finally {
      bar.clear();
      if (format === "json" && !first) write("\n]\n");
    }
    if (target) {
      target.end();
      await finished(target).catch((error: Error) => {
        throw new CommandError(`${values.file} cannot be written: ${error.message}`);
      });
    }
  } finally {
    process.off("SIGINT", stop);
  }
}

export const sweep: Command = { summary: "runs a protocol of the theory, as CSV or JSON", usage, run };
