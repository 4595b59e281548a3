/**
 * `heed eval`: what attention policies cost a language model. Study E21 of the theory, in the place of LongBench and
 * LLaMA-3-8B, which it does not replace: one small model, two kinds of questions.
 */
import { mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

import { create, type AttentionPolicy, type Decoder, type Heed } from "heed";

import { CommandError, UsageError, type Command } from "./command.js";
import { policiesOf, type NamedPolicy } from "./eval-policies.js";
import { passKeyPrompt } from "./eval-pass-key.js";
import { exists } from "./files.js";
import { RowsFile } from "./rows-file.js";

const usage = `usage: heed eval FOLDER --text FILE ... [--to FOLDER] [--lengths N,...] [--only PART,...] [--trials N]
                 [--against FOLDER] [--threads N]

What attention policies cost the model of FOLDER: exact attention, a fixed number of entries with every estimator,
k = alpha n^C at equal cost, ln n entries, a share of the attention, a threshold, and a window with sinks.

  loss         -> E21-loss.csv: nats a token on the beginning of each text, every length, every policy, and how much
                  more than with exact attention that is; up to 2048 tokens also entries kept and attention dropped,
                  means over rows, layers and heads
  passkey      -> E21-passkey.csv: of --trials prompts of about that length, each with one planted number, how many
                  are answered with it
  calibration  -> E21-calibration.csv: entries that hold 90 % of the attention on the two shortest lengths, the law
                  k = alpha n^C through them, and what the law keeps and costs on the longer ones
  weights      -> E21-weights.csv: the loss of FOLDER with exact attention beside that of --against, another copy of
                  the same model

Rows that are in the files already are not computed again: a run that was stopped is continued by the same command.

  --text FILE       plain text that the model has not seen; any number of times
  --to FOLDER       default: the current one
  --lengths N,...   tokens; default: 1024,2048,4096,8192,16384, as far as the model's positions go
  --only PART,...   of loss, passkey, calibration, weights; default: the first three
  --policies A,...  only policies whose name begins so, beside exact; for example k=8,window
  --trials N        default: 5
  --threads N       default: all`;

const parts = ["loss", "passkey", "calibration", "weights"] as const;
type Part = (typeof parts)[number];

/** Longer texts are scored, but not profiled: that takes about as long again. */
const longestProfiled = 2048;
/** Of the attention, for the calibration. */
const mass = 0.9;

interface Text {
  name: string;
  ids: number[];
}

interface Study {
  decoder: Decoder;
  texts: Text[];
  lengths: number[];
  policies: NamedPolicy[];
  trials: number;
  to: string;
  signal: AbortSignal;
}

function tell(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text.slice(0, 100)}`);
}

/** The weights of a folder: an index with its files, or one file. */
async function loadModel(heed: Heed, folder: string, signal: AbortSignal): Promise<Decoder> {
  const path = (name: string) => join(folder, name);
  const index = path("model.safetensors.index.json");
  const hasConfig = await exists(path("tokenizer_config.json"));
  return heed.Decoder.load({
    config: path("config.json"),
    weights: (await exists(index)) ? index : path("model.safetensors"),
    tokenizer: path("tokenizer.json"),
    ...(hasConfig ? { tokenizerConfig: path("tokenizer_config.json") } : {}),
    signal,
    onProgress: ({ loaded, total }) => tell(`loading ${folder}: ${Math.round((100 * loaded) / total)} %`),
  });
}

const mean = (numbers: ArrayLike<number>): number =>
  Array.from(numbers).reduce((sum, x) => sum + x, 0) / numbers.length;

async function score(
  { decoder, signal }: Study,
  { name, ids }: Text,
  n: number,
  attention: AttentionPolicy,
  what: string,
) {
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) =>
    tell(`${name}, ${n} tokens, ${what}: ${Math.round((100 * loaded) / total)} %`);
  const { loss } = await decoder.score(ids.slice(0, n), { attention, signal, onProgress });
  return loss;
}

const lengthsOf = ({ lengths }: Study, { ids }: Text) => lengths.filter((n) => n <= ids.length);

async function lossTable(study: Study): Promise<void> {
  const columns = ["text", "n", "policy", "estimator", "loss", "more", "kept", "dropped"];
  const file = new RowsFile(join(study.to, "E21-loss.csv"), columns, 4);
  for (const n of study.lengths) {
    for (const text of study.texts.filter(({ ids }) => n <= ids.length)) {
      for (const { name, estimator, attention, entries } of study.policies) {
        const key = [text.name, n, name, estimator];
        if (file.get(key)) continue;
        const loss = await score(study, text, n, attention, name);
        const exact = name === "exact" ? loss : Number(file.get([text.name, n, "exact", ""])?.[4]);
        const profiled =
          n <= longestProfiled
            ? await study.decoder.profile(text.ids.slice(0, n), { attention, signal: study.signal })
            : undefined;
        const known = entries && mean(Float64Array.from({ length: n }, (_, i) => entries(i + 1)));
        const kept = profiled ? mean(profiled.kept) : (known ?? "");
        file.add([...key, loss, loss - exact, kept, profiled ? mean(profiled.dropped) : ""]);
      }
    }
  }
}

async function passKeyTable(study: Study): Promise<void> {
  const file = new RowsFile(join(study.to, "E21-passkey.csv"), ["n", "policy", "estimator", "trials", "found"], 4);
  const [text] = study.texts;
  if (!text) throw new UsageError("passkey needs a --text to hide the number in");
  for (const n of study.lengths) {
    for (const { name, estimator, attention } of study.policies) {
      const key = [n, name, estimator, study.trials];
      if (file.get(key)) continue;
      let found = 0;
      for (let trial = 0; trial < study.trials; ++trial) {
        tell(`pass key, ${n} tokens, ${name}: trial ${trial + 1} of ${study.trials}`);
        const { ids, answer } = await passKeyPrompt(study.decoder, text.ids, { n, trial, trials: study.trials });
        let said = "";
        const options = { attention, tokens: 8, signal: study.signal };
        for await (const token of study.decoder.generate(ids, options)) said += token.text;
        if (said.replace(/\D/g, "").startsWith(answer)) ++found;
      }
      file.add([...key, found]);
    }
  }
}

/** Least squares of ln k on ln n. A row mean of alpha i^C over i = 1 .. n is alpha n^C / (1 + C). */
function lawThrough(points: readonly { n: number; k: number }[]): { alpha: number; exponent: number } {
  const xs = points.map(({ n }) => Math.log(n));
  const ys = points.map(({ k }) => Math.log(k));
  const [x, y] = [mean(xs), mean(ys)];
  const slope =
    xs.reduce((sum, one, i) => sum + (one - x) * ((ys[i] as number) - y), 0) /
    xs.reduce((sum, one) => sum + (one - x) ** 2, 0);
  const exponent = Math.min(1, Math.max(0, slope));
  return { exponent, alpha: Math.exp(y - exponent * x) * (1 + exponent) };
}

async function calibrationTable(study: Study): Promise<void> {
  const columns = ["text", "n", "role", "needed", "alpha", "exponent", "predicted", "more_mass", "more_law"];
  const file = new RowsFile(join(study.to, "E21-calibration.csv"), columns, 2);
  const keep = { mass };
  for (const text of study.texts) {
    const lengths = lengthsOf(study, text);
    const needed = async (n: number): Promise<number> => {
      tell(`${text.name}, ${n} tokens: entries that hold ${mass}`);
      const attention = { keep, estimator: "renormalized" } as const;
      return mean((await study.decoder.profile(text.ids.slice(0, n), { attention, signal: study.signal })).kept);
    };
    const short = lengths.slice(0, 2);
    if (short.length < 2 || lengths.every((n) => file.get([text.name, n]))) continue;
    const points = await Promise.all(short.map(async (n) => ({ n, k: await needed(n) })));
    const { alpha, exponent } = lawThrough(points);
    for (const n of lengths) {
      if (file.get([text.name, n])) continue;
      const known = points.find((point) => point.n === n)?.k;
      const exact = await score(study, text, n, "exact", "exact");
      const more = async (attention: AttentionPolicy, what: string) =>
        (await score(study, text, n, attention, what)) - exact;
      file.add([
        ...[text.name, n, known === undefined ? "held out" : "calibrated"],
        ...[known ?? (await needed(n)), alpha, exponent, (alpha * n ** exponent) / (1 + exponent)],
        await more({ keep, estimator: "renormalized" }, "mass"),
        await more({ keep: { alpha, exponent }, estimator: "renormalized" }, "law"),
      ]);
    }
  }
}

async function weightsTable(study: Study, other: Decoder): Promise<void> {
  const columns = ["text", "n", "loss", "against", "more"];
  const file = new RowsFile(join(study.to, "E21-weights.csv"), columns, 2);
  for (const text of study.texts) {
    for (const n of lengthsOf(study, text)) {
      if (file.get([text.name, n])) continue;
      const loss = await score(study, text, n, "exact", "these weights");
      const against = await score({ ...study, decoder: other }, text, n, "exact", "the others");
      file.add([text.name, n, loss, against, loss - against]);
    }
  }
}

function list(name: string, text: string): number[] {
  const numbers = text.split(",").map(Number);
  if (numbers.every((n) => Number.isSafeInteger(n) && n > 1)) return numbers.sort((a, b) => a - b);
  throw new UsageError(`--${name} is "${text}"; integers greater than 1 with commas between them are needed`);
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      text: { type: "string", multiple: true, default: [] },
      to: { type: "string", default: "." },
      lengths: { type: "string", default: "1024,2048,4096,8192,16384" },
      only: { type: "string", default: "loss,passkey,calibration" },
      policies: { type: "string" },
      trials: { type: "string", default: "5" },
      against: { type: "string" },
      threads: { type: "string" },
    },
  });
  const [folder, ...others] = positionals;
  if (folder === undefined || others.length > 0) throw new UsageError("heed eval takes one folder");
  if (values.text.length === 0) throw new UsageError("--text is missing");
  const only = values.only.split(",") as Part[];
  const unknown = only.find((part) => !parts.includes(part));
  if (unknown !== undefined) throw new UsageError(`--only has "${unknown}"; its parts are ${parts.join(", ")}`);
  if (only.includes("weights") && values.against === undefined) throw new UsageError("weights needs --against");
  const count = (name: "trials" | "threads") => {
    const value = values[name] === undefined ? undefined : Number(values[name]);
    if (value === undefined || (Number.isSafeInteger(value) && value > 0)) return value;
    throw new UsageError(`--${name} is "${values[name]}"; an integer of at least 1 is needed`);
  };
  const begins = values.policies?.split(",");
  return {
    ...values,
    folder,
    only,
    begins,
    lengths: list("lengths", values.lengths),
    trials: count("trials") ?? 5,
    threads: count("threads"),
  };
}

async function readText(decoder: Decoder, path: string, most: number): Promise<Text> {
  const contents = await readFile(path, "utf8").catch((error: Error) => {
    throw new CommandError(`${path}: ${error.message}`);
  });
  // A token has some four characters; of none there are more than these.
  const ids = [...(await decoder.encode(contents.slice(0, most * 16)))].slice(0, most);
  return { name: basename(path).replace(/\.[^.]*$/, ""), ids };
}

/** The subcommand. */
export const evaluate: Command = {
  summary: "what attention policies cost a language model",
  usage,
  async run(args) {
    const options = parse(args);
    const stopped = new AbortController();
    const stop = () => stopped.abort(new CommandError("stopped; the rows so far were written"));
    process.once("SIGINT", stop);
    const heed = await create(options.threads === undefined ? {} : { threads: options.threads });
    try {
      mkdirSync(options.to, { recursive: true });
      const decoder = await loadModel(heed, options.folder, stopped.signal);
      const lengths = options.lengths.filter((n) => n <= decoder.info.capacity);
      const longest = Math.max(...lengths);
      const texts = await Promise.all(options.text.map((path) => readText(decoder, path, longest)));
      const all = policiesOf(list("lengths", "1024,2048,4096,8192,16384"));
      const { begins } = options;
      const policies = all.filter(({ name }) => !begins || name === "exact" || begins.some((b) => name.startsWith(b)));
      const { to, trials } = options;
      const study: Study = { decoder, texts, lengths, policies, trials, to, signal: stopped.signal };
      if (options.only.includes("weights")) {
        await weightsTable(study, await loadModel(heed, options.against as string, stopped.signal));
      }
      if (options.only.includes("loss")) await lossTable(study);
      if (options.only.includes("passkey")) await passKeyTable(study);
      if (options.only.includes("calibration")) await calibrationTable(study);
      tell("");
    } finally {
      process.off("SIGINT", stop);
      await heed.dispose();
    }
  },
};
