/** Loading a decoder, alike in both entries: config and files first, then the weights, slice by slice. */
import { planLoad } from "../check/decoder.js";
import type { LoadOptions } from "../decoder-options.js";
import { HeedError } from "../errors.js";
import { storageOf, type DecoderPlan } from "./decoder-plan.js";
import type { TextFiles } from "./decoders.js";
import type { ByteSource } from "../model/byte-source.js";
import { isIndex, weightMap } from "../model/checkpoint.js";
import { readConfig } from "../model/config.js";
import { jsonSource, parseJson, sourceOf, type OpenAddress } from "../model/source-of.js";
import { bytesOfWeights, streamWeights, type WeightSlice } from "../model/stream-weights.js";
import { placeWeights, type WeightPlace } from "../model/weight-files.js";

/** What differs between the entries: where the model lies. */
export interface DecoderMaker<Made> {
  create(plan: DecoderPlan, text: TextFiles | undefined): Promise<Made>;
  write(made: Made, slice: WeightSlice): Promise<unknown>;
  complete(made: Made): Promise<unknown>;
  /** Gives up what was made. */
  abandon(made: Made): Promise<unknown>;
}

/** All files, those too that an index alone stands for. They are opened one by one, and added as they are. */
async function openWeights(
  opened: ByteSource[],
  weights: readonly unknown[],
  open: OpenAddress,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const [i, one] of weights.entries()) {
    opened.push(await sourceOf(weights.length === 1 ? "weights" : `weights[${i}]`, one, open, signal));
  }
  const [index, ...others] = opened;
  if (others.length > 0 || !index?.beside || !(await isIndex(index))) return;
  const files = new Set((await weightMap(index)).values());
  if (files.size > 10_000) {
    throw new HeedError("invalid-argument", `${index.name} names ${files.size} files; at most 10000 are opened`);
  }
  for (const file of files) opened.push(await index.beside(file));
}

function planOf(options: LoadOptions, config: DecoderPlan["config"], places: readonly WeightPlace[]): DecoderPlan {
  const { dtype, cacheType, capacity } = planLoad(options);
  const typeOf = (role: WeightPlace["role"]) => places.find((place) => place.role === role)?.type ?? "F32";
  const found = { matrix: typeOf("matrix"), embedding: typeOf("embedding"), head: typeOf("head") };
  return {
    ...{ config, cacheType },
    storage: storageOf(dtype, found),
    capacity: capacity ?? config.contextLength,
    parameters: places.reduce((sum, { rows, columns }) => sum + rows * columns, 0),
  };
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `load-failed`, `out-of-memory`, … */
export async function loadDecoder<Made>(
  options: LoadOptions,
  open: OpenAddress,
  maker: DecoderMaker<Made>,
): Promise<Made> {
  const { weights } = planLoad(options);
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const config = readConfig("config", parseJson("config", await jsonSource("config", options.config, open, signal)));
  const text =
    options.tokenizer === undefined
      ? undefined
      : {
          tokenizer: await jsonSource("tokenizer", options.tokenizer, open, signal),
          tokenizerConfig:
            options.tokenizerConfig === undefined
              ? undefined
              : await jsonSource("tokenizerConfig", options.tokenizerConfig, open, signal),
        };
  const sources: ByteSource[] = [];
  let made: { value: Made } | undefined;
  try {
    await openWeights(sources, weights, open, signal);
    const places = await placeWeights(config, sources);
    signal?.throwIfAborted();
    const total = bytesOfWeights(places);
    made = { value: await maker.create(planOf(options, config, places), text) };
    const { value } = made;
    onProgress?.({ phase: "run", loaded: 0, total });
    const report = onProgress && ((loaded: number) => onProgress({ phase: "run", loaded, total }));
    await streamWeights(places, (slice) => maker.write(value, slice), { signal, onProgress: report });
    await maker.complete(value);
    return value;
  } catch (error) {
    if (made) await maker.abandon(made.value);
    throw error;
  } finally {
    await Promise.all(sources.map((source) => source.close?.()));
  }
}
