/** One head with the rows it saw, as heed's calls take it: q, k, v are (n, headDim). */
export interface HeadInput {
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  n: number;
  shape: { heads: 1; headDim: number; causal: true };
}
