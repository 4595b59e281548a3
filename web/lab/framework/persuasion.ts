/**
 * Attention as it really is: the queries, keys and values of three layers of a small trained language model while it
 * reads the first 2048 tokens of a novel (assets/make-qkv.mjs tells where they come from). A layer is loaded when it is
 * asked for.
 */
import { byteSource, openSafetensors } from "heed/safetensors";
import layer0 from "../assets/qkv/layer-0.safetensors?url";
import layer3 from "../assets/qkv/layer-3.safetensors?url";
import layer6 from "../assets/qkv/layer-6.safetensors?url";
import tokensUrl from "../assets/qkv/tokens.json?url";

const files: Record<number, string> = { 0: layer0, 3: layer3, 6: layer6 };
const loaded = new Map<number, Promise<Layer>>();

/** Options of every call on a layer or on one head of it. */
export interface Shape {
  heads: number;
  kvHeads: number;
  headDim: number;
  causal: true;
}

export interface Head {
  /** q, k, v: (n, 1, headDim) */
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  n: number;
  shape: Shape;
}

export interface Layer {
  /** q: (n, heads, headDim)   k, v: (n, kvHeads, headDim) */
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  n: number;
  shape: Shape;
  /** One query head with the key/value head that it reads. */
  head(index: number): Head;
}

export const persuasion = {
  layers: Object.keys(files).map(Number),

  layer(index: number): Promise<Layer> {
    const url = files[index];
    if (url === undefined) throw new RangeError(`layer is ${index}; there are layers ${persuasion.layers.join(", ")}`);
    let layer = loaded.get(index);
    if (layer === undefined) {
      layer = load(url);
      loaded.set(index, layer);
      layer.catch(() => loaded.delete(index));
    }
    return layer;
  },

  /** The text of each token. */
  async tokens(): Promise<string[]> {
    return (await (await download(tokensUrl)).json()) as string[];
  },
};

async function load(url: string): Promise<Layer> {
  const file = await openSafetensors(byteSource(url, await (await download(url)).arrayBuffer()));
  const widened = ["q", "k", "v"].map(async (name) => {
    const { shape } = file.entry(name);
    if (shape.length !== 3) throw new Error(`${name} of ${url} has no three axes`);
    return { shape, values: await file.numbers(name) };
  });
  const [q, k, v] = (await Promise.all(widened)) as [Widened, Widened, Widened];
  const [n, heads, headDim] = q.shape as readonly [number, number, number];
  const kvHeads = k.shape[1]!;
  return {
    q: q.values,
    k: k.values,
    v: v.values,
    n,
    shape: { heads, kvHeads, headDim, causal: true },
    head(index) {
      if (!(Number.isInteger(index) && index >= 0 && index < heads)) {
        throw new RangeError(`head is ${index}; there are heads 0 to ${heads - 1}`);
      }
      const source = Math.floor((index * kvHeads) / heads);
      return {
        q: oneHead(q, index),
        k: oneHead(k, source),
        v: oneHead(v, source),
        n,
        shape: { heads: 1, kvHeads: 1, headDim, causal: true },
      };
    },
  };
}

interface Widened {
  shape: readonly number[];
  values: Float32Array;
}

// values: (n, heads, d) -> (n, d)
function oneHead({ shape, values }: Widened, head: number): Float32Array {
  const [n, heads, d] = shape as readonly [number, number, number];
  const out = new Float32Array(n * d);
  for (let i = 0; i < n; ++i) out.set(values.subarray((i * heads + head) * d, (i * heads + head + 1) * d), i * d);
  return out;
}

async function download(url: string): Promise<Response> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${response.statusText}`);
  return response;
}
