/**
 * A decoder of the Llama architecture in plain doubles: the oracle of the real one. It reads a model's own config and
 * tensors and shares no code with the package; formulas as in the models' papers and in transformers.
 */

/** A config.json as it is written. */
export type RawConfig = Record<string, unknown> & {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads?: number;
  head_dim?: number;
  vocab_size: number;
};

/** Numbers of a checkpoint by name; matrices row by row. */
export type Tensors = ReadonlyMap<string, ArrayLike<number>>;

/** What a row keeps. `sinks` are always kept and count in k. */
export interface ReferencePolicy {
  k?: (visible: number) => number;
  mass?: number;
  threshold?: number;
  estimator?: "renormalized" | "raw" | "compensated" | "linear";
  window?: number;
  sinks?: number;
}

export interface ReferenceRun {
  /** Per position, (vocabulary). */
  logits: Float64Array[];
  /** Per position: layers x heads of dropped mass. */
  dropped: Float64Array[];
}

function product(matrix: ArrayLike<number>, x: Float64Array, rows: number, bias?: ArrayLike<number>): Float64Array {
  const columns = x.length;
  const out = new Float64Array(rows);
  for (let row = 0; row < rows; ++row) {
    let sum = bias ? bias[row]! : 0;
    for (let i = 0, at = row * columns; i < columns; ++i, ++at) sum += matrix[at]! * x[i]!;
    out[row] = sum;
  }
  return out;
}

function normalized(x: Float64Array, gain: ArrayLike<number>, epsilon: number): Float64Array {
  let square = 0;
  for (const value of x) square += value * value;
  const factor = 1 / Math.sqrt(square / x.length + epsilon);
  return x.map((value, i) => value * factor * gain[i]!);
}

interface Positions {
  /** One per pair of dimensions. */
  frequencies: Float64Array;
  /** Multiplies cosine and sine. */
  scale: number;
}

/** `length`: tokens so far, on which dynamic scaling depends. */
export function positionsOf(config: RawConfig, headDim: number, length: number): Positions {
  const parameters = (config["rope_parameters"] ?? config["rope_scaling"] ?? {}) as Record<string, number | string>;
  const base = Number(config["rope_theta"] ?? parameters["rope_theta"] ?? 10000);
  const kind = parameters["rope_type"] ?? parameters["type"] ?? "default";
  const factor = Number(parameters["factor"] ?? 1);
  const most = Number(config["max_position_embeddings"] ?? 2048);
  const original = Number(parameters["original_max_position_embeddings"] ?? most);
  const half = headDim / 2;
  const plain = (from: number) => Float64Array.from({ length: half }, (_, i) => from ** (-(2 * i) / headDim));
  if (kind === "linear") return { frequencies: plain(base).map((f) => f / factor), scale: 1 };
  if (kind === "dynamic") {
    const long = Math.max(length, original);
    const grown = base * ((factor * long) / original - (factor - 1)) ** (headDim / (headDim - 2));
    return { frequencies: plain(grown), scale: 1 };
  }
  if (kind === "llama3") {
    const [low, high] = [Number(parameters["low_freq_factor"]), Number(parameters["high_freq_factor"])];
    const frequencies = plain(base).map((f) => {
      const wavelength = (2 * Math.PI) / f;
      if (wavelength < original / high) return f;
      if (wavelength > original / low) return f / factor;
      const smooth = (original / wavelength - low) / (high - low);
      return ((1 - smooth) * f) / factor + smooth * f;
    });
    return { frequencies, scale: 1 };
  }
  if (kind === "yarn") {
    const [fast, slow] = [Number(parameters["beta_fast"] ?? 32), Number(parameters["beta_slow"] ?? 1)];
    const dimension = (turns: number) => (headDim * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
    const low = Math.max(Math.floor(dimension(fast)), 0);
    let high = Math.min(Math.ceil(dimension(slow)), headDim - 1);
    if (low === high) high += 0.001;
    const frequencies = plain(base).map((f, i) => {
      const ramp = Math.min(1, Math.max(0, (i - low) / (high - low)));
      return (f / factor) * ramp + f * (1 - ramp);
    });
    const scale = Number(parameters["attention_factor"] ?? (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1));
    return { frequencies, scale };
  }
  return { frequencies: plain(base), scale: 1 };
}

/** Turns the pairs (i, i + half) of one head by position * frequency. */
function turn(x: Float64Array, from: number, position: number, { frequencies, scale }: Positions): void {
  const half = frequencies.length;
  for (let i = 0; i < half; ++i) {
    const angle = position * frequencies[i]!;
    const [cosine, sine] = [Math.cos(angle) * scale, Math.sin(angle) * scale];
    const [a, b] = [x[from + i]!, x[from + half + i]!];
    x[from + i] = a * cosine - b * sine;
    x[from + half + i] = b * cosine + a * sine;
  }
}

/** One row of one head: scores and values of all tokens up to its own. */
function attend(scores: Float64Array, value: (j: number) => Float64Array, policy: ReferencePolicy | undefined) {
  const n = scores.length;
  const { window, sinks = 0 } = policy ?? {};
  const visible = [...scores.keys()].filter((j) => window === undefined || j >= n - window || j < sinks);
  const largest = Math.max(...visible.map((j) => scores[j]!));
  const weights = visible.map((j) => Math.exp(scores[j]! - largest));
  const total = weights.reduce((sum, w) => sum + w, 0);
  const p = new Map(visible.map((j, i) => [j, weights[i]! / total]));
  const ranked = [...visible].sort((a, b) => scores[b]! - scores[a]! || a - b);
  const forced = visible.filter((j) => j < sinks);
  const order = [...forced, ...ranked.filter((j) => j >= sinks)];
  let count = visible.length;
  if (policy?.k) count = Math.min(count, Math.max(policy.k(visible.length), 1));
  else if (policy?.threshold !== undefined) count = ranked.filter((j) => p.get(j)! >= policy.threshold!).length || 1;
  else if (policy?.mass !== undefined) {
    let sum = 0;
    count = ranked.findIndex((j) => (sum += p.get(j)!) >= policy.mass!) + 1;
    if (count === 0) count = ranked.length;
  }
  const kept = order.slice(0, Math.max(count, Math.min(forced.length, count)));
  const dropped = order.slice(kept.length);
  const tau = dropped.reduce((sum, j) => sum + p.get(j)!, 0);
  const weight = new Map(kept.map((j) => [j, p.get(j)!]));
  const estimator = policy?.estimator ?? "linear";
  if (estimator === "renormalized") for (const j of kept) weight.set(j, p.get(j)! / (1 - tau));
  if (dropped.length > 0 && (estimator === "compensated" || estimator === "linear")) {
    const mean = dropped.reduce((sum, j) => sum + scores[j]!, 0) / dropped.length;
    const spread = dropped.reduce((sum, j) => sum + (scores[j]! - mean) ** 2, 0);
    const along = dropped.reduce((sum, j) => sum + p.get(j)! * (scores[j]! - mean), 0);
    const slope = estimator === "linear" && spread > 0 && dropped.length > 1 ? along / spread : 0;
    for (const j of dropped) weight.set(j, tau / dropped.length + slope * (scores[j]! - mean));
  }
  const out = new Float64Array(value(visible[0]!).length);
  for (const [j, w] of weight) value(j).forEach((v, i) => (out[i] = out[i]! + w * v));
  return { out, dropped: tau };
}

/** `policy(layer, head)`: undefined attends exactly. */
export function referenceDecode(
  config: RawConfig,
  tensors: Tensors,
  ids: readonly number[],
  policy: (layer: number, head: number) => ReferencePolicy | undefined = () => undefined,
): ReferenceRun {
  const tensor = (name: string): ArrayLike<number> => {
    const found = tensors.get(name);
    if (!found) throw new Error(`the model has no ${name}`);
    return found;
  };
  const { hidden_size: width, num_hidden_layers: layers, num_attention_heads: heads, vocab_size: words } = config;
  const kvHeads = config.num_key_value_heads ?? heads;
  const headDim = config.head_dim ?? width / heads;
  const epsilon = Number(config["rms_norm_eps"] ?? 1e-6);
  const embeddings = tensor("model.embed_tokens.weight");
  const output = config["tie_word_embeddings"] ? embeddings : tensor("lm_head.weight");
  const keys = Array.from({ length: layers }, (): Float64Array[] => []);
  const values = Array.from({ length: layers }, (): Float64Array[] => []);
  const run: ReferenceRun = { logits: [], dropped: [] };
  const slice = (x: Float64Array, head: number) => x.subarray(head * headDim, (head + 1) * headDim);

  for (const [position, id] of ids.entries()) {
    // Of a text that grows token by token: dynamic scaling turns what is there no more.
    const positions = positionsOf(config, headDim, position + 1);
    let x = Float64Array.from({ length: width }, (_, i) => embeddings[id * width + i]!);
    const dropped = new Float64Array(layers * heads);
    for (let layer = 0; layer < layers; ++layer) {
      const at = `model.layers.${layer}`;
      const project = (name: string, input: Float64Array, rows: number) =>
        product(tensor(`${at}.${name}.weight`), input, rows, tensors.get(`${at}.${name}.bias`));
      const input = normalized(x, tensor(`${at}.input_layernorm.weight`), epsilon);
      const q = project("self_attn.q_proj", input, heads * headDim);
      const k = project("self_attn.k_proj", input, kvHeads * headDim);
      for (const [vector, of, name] of [
        [q, heads, "q_norm"],
        [k, kvHeads, "k_norm"],
      ] as const) {
        const gain = tensors.get(`${at}.self_attn.${name}.weight`);
        for (let head = 0; head < of; ++head) {
          if (gain) vector.set(normalized(slice(vector, head), gain, epsilon), head * headDim);
          turn(vector, head * headDim, position, positions);
        }
      }
      keys[layer]!.push(k);
      values[layer]!.push(project("self_attn.v_proj", input, kvHeads * headDim));
      const attended = new Float64Array(heads * headDim);
      for (let head = 0; head < heads; ++head) {
        const shared = Math.floor((head * kvHeads) / heads);
        const query = slice(q, head);
        const scores = Float64Array.from(keys[layer]!, (key) => {
          const other = slice(key, shared);
          let sum = 0;
          for (let i = 0; i < headDim; ++i) sum += query[i]! * other[i]!;
          return sum / Math.sqrt(headDim);
        });
        const row = attend(scores, (j) => slice(values[layer]![j]!, shared), policy(layer, head));
        attended.set(row.out, head * headDim);
        dropped[layer * heads + head] = row.dropped;
      }
      const added = project("self_attn.o_proj", attended, width);
      x = x.map((value, i) => value + added[i]!);
      const inner = normalized(x, tensor(`${at}.post_attention_layernorm.weight`), epsilon);
      const gate = project("mlp.gate_proj", inner, config.intermediate_size);
      const up = project("mlp.up_proj", inner, config.intermediate_size);
      const gated = gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!);
      const down = project("mlp.down_proj", gated, width);
      x = x.map((value, i) => value + down[i]!);
    }
    run.logits.push(product(output, normalized(x, tensor("model.norm.weight"), epsilon), words));
    run.dropped.push(dropped);
  }
  return run;
}

/** -ln p(next) of each token but the first, in nats. */
export function referenceLosses(logits: readonly Float64Array[], ids: readonly number[]): number[] {
  return ids.slice(1).map((next, i) => {
    const row = logits[i]!;
    const largest = row.reduce((most, x) => Math.max(most, x), -Infinity);
    const total = row.reduce((sum, x) => sum + Math.exp(x - largest), 0);
    return largest + Math.log(total) - row[next]!;
  });
}
