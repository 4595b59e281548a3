/**
 * A small fuzzer for JavaScript with libFuzzer's command line and output, guided by the blocks of the package that an
 * input runs. Inputs are changed byte by byte; a target turns bytes into files, calls and values.
 *
 *   node <target>.js [-runs=N] [-max_total_time=S] [-seed=N] [-timeout=S] [-artifact_prefix=P] [-merge=1] folders...
 *
 * New inputs go to the first folder. A file in the place of a folder is run once. With -merge=1 the first folder gets
 * the smallest inputs of the others that together run what all of them run. A finding ends it with status 77.
 *
 * (Jazzer.js would be the ready-made one; its binary needs a newer C library than the oldest system that heed is built
 * on has.)
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Random } from "../../web/support/random.js";
import { Bytes } from "./bytes.js";
import { Coverage } from "./coverage.js";
import { mutate } from "./mutations.js";
import { Watchdog } from "./watchdog.js";

export interface Target {
  readonly maxLength: number;
  /** What it throws is a finding. Numbers that it returns count as blocks do: what was tried that no block tells. */
  run(bytes: Bytes): readonly number[] | void | Promise<readonly number[] | void>;
}

type Input = Uint8Array<ArrayBuffer>;

interface Settings {
  runs: number;
  max_total_time: number;
  seed: number;
  timeout: number;
  artifact_prefix: string;
  merge: number;
}

function settingsOf(args: string[]): { settings: Settings; places: string[] } {
  const settings: Settings = {
    runs: -1,
    max_total_time: 0,
    seed: 1,
    timeout: 30,
    artifact_prefix: "./",
    merge: 0,
  };
  const places: string[] = [];
  for (const argument of args) {
    const [, name, value] = /^-(\w+)=(.*)$/.exec(argument) ?? [];
    if (name === undefined || value === undefined) places.push(argument);
    else if (name === "artifact_prefix") settings.artifact_prefix = value;
    // Options of libFuzzer that mean nothing here are let pass, as libFuzzer does.
    else if (name in settings) settings[name as "runs"] = Number(value);
  }
  return { settings, places };
}

const digest = (input: Input) => createHash("sha1").update(input).digest("hex");
const isFile = (place: string) => statSync(place, { throwIfNoEntry: false })?.isFile() === true;
const read = (file: string): Input => new Uint8Array(readFileSync(file));

function inputsOf(places: string[]): Input[] {
  const files = places.flatMap((place) => readdirSync(place).map((name) => join(place, name)));
  return files.map(read).sort((a, b) => a.length - b.length);
}

class Fuzzer {
  readonly #coverage = new Coverage();
  readonly #watchdog: Watchdog;
  readonly #began = performance.now();
  readonly #corpus: Input[] = [];
  #runs = 0;
  #running: Input = new Uint8Array();

  constructor(
    readonly target: Target,
    readonly settings: Settings,
  ) {
    this.#watchdog = new Watchdog(1000 * settings.timeout, settings.artifact_prefix, target.maxLength);
    const found = (error: unknown) => this.#report(error);
    process.on("uncaughtException", found);
    process.on("unhandledRejection", found);
  }

  #report(error: unknown): never {
    const file = `${this.settings.artifact_prefix}crash-${digest(this.#running)}`;
    writeFileSync(file, this.#running);
    console.error(`==ERROR: after ${this.#runs} inputs, by the one in ${file}`);
    console.error(error);
    process.exit(77);
  }

  async run(input: Input): Promise<readonly number[]> {
    this.#running = input;
    this.#watchdog.start(input);
    let tried: readonly number[] | void;
    try {
      tried = await this.target.run(new Bytes(input));
    } catch (error) {
      this.#report(error);
    }
    this.#watchdog.stop();
    ++this.#runs;
    return tried ?? [];
  }

  #say(what: string): void {
    const seconds = (performance.now() - this.#began) / 1000;
    const bytes = this.#corpus.reduce((sum, { length }) => sum + length, 0);
    const size = `cov: ${this.#coverage.seen.size} corp: ${this.#corpus.length}/${bytes}b`;
    console.error(`#${this.#runs} ${what} ${size} exec/s: ${Math.round(this.#runs / seconds)}`);
  }

  #over(): boolean {
    const { runs, max_total_time: seconds } = this.settings;
    if (runs >= 0 && this.#runs >= runs) return true;
    return seconds > 0 && performance.now() - this.#began > 1000 * seconds;
  }

  /** Runs an input and keeps it when it runs something new. */
  async keep(input: Input, write: (input: Input) => void): Promise<void> {
    const tried = await this.run(input);
    if (this.#coverage.add(tried) === 0) return;
    this.#corpus.push(input);
    write(input);
  }

  async start(inputs: Input[]): Promise<void> {
    this.#coverage.take();
    for (const input of [new Uint8Array(), ...inputs]) await this.keep(input, () => undefined);
    this.#say("INITED");
  }

  async fuzz(folder: string | undefined): Promise<void> {
    const random = new Random(this.settings.seed);
    const write = (input: Input) => {
      if (folder !== undefined) writeFileSync(join(folder, digest(input)), input);
      this.#say("NEW");
    };
    const any = () => this.#corpus[random.below(this.#corpus.length)]!;
    while (!this.#over()) {
      // From nothing, from any, or from the newest, where there is more to find.
      const recent = this.#corpus.slice(-16);
      const kind = random.below(8);
      const length = random.below(this.target.maxLength + 1);
      if (kind === 0)
        await this.keep(
          Uint8Array.from({ length }, () => random.below(256)),
          write,
        );
      else {
        const parent = kind < 4 ? any() : recent[random.below(recent.length)]!;
        await this.keep(mutate(random, parent, any(), this.target.maxLength), write);
      }
    }
  }

  async merge(inputs: Input[], folder: string): Promise<void> {
    this.#coverage.take();
    for (const input of inputs) await this.keep(input, (kept) => writeFileSync(join(folder, digest(kept)), kept));
  }

  finish(): void {
    this.#say("DONE");
    console.error(`stat::number_of_executed_units: ${this.#runs}`);
  }
}

export async function fuzz(target: Target): Promise<void> {
  const { settings, places } = settingsOf(process.argv.slice(2));
  const fuzzer = new Fuzzer(target, settings);
  const files = places.filter(isFile);
  const folders = places.filter((place) => !files.includes(place));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  if (files.length > 0) {
    for (const file of files) await fuzzer.run(read(file));
  } else if (settings.merge) {
    await fuzzer.merge(inputsOf(folders.slice(1)), folders[0]!);
  } else {
    await fuzzer.start(inputsOf(folders));
    await fuzzer.fuzz(folders[0]);
  }
  fuzzer.finish();
  process.exit(0);
}
