// What runtimes without a causal attention are given instead: a matrix that is added to the scores.

/** (n, n): 0 where a query may look, a number below every score where it may not. */
export function causalMask(n) {
  const mask = new Float32Array(n * n);
  for (let i = 0; i < n; ++i) mask.fill(-1e30, i * n + i + 1, (i + 1) * n);
  return mask;
}
