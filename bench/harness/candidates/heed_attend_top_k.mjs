// heed's top-k attention through heed/sync: arrays in, arrays out, the output into one given beforehand. The timed call
// asks for no indices; the judged one does, and must give the same output bit for bit.

export async function open({ entry, variant, threads }, { load }) {
  const { create } = await load(entry);
  const heed = await create({ variant, threads });
  let operands;
  let options;
  return {
    info: heed.info,
    layout: "token-major",
    prepare({ heads, headDim, causal, k: keep, estimator, denominator, search }, { q, k, v }) {
      operands = [q, k, v];
      const out = new Float32Array(q.length);
      options = { heads, headDim, causal, keep: { k: keep }, estimator, denominator, search, out };
    },
    call: () => heed.attendTopK(...operands, options),
    explain({ out }) {
      const explained = heed.attendTopK(...operands, { ...options, out: undefined, indices: true });
      const differs = explained.out.some((number, i) => !Object.is(number, out[i]));
      if (differs) throw new Error("the output with indices differs from the output without");
      return explained;
    },
    /** What "auto" chose, and why. */
    note: ({ info }) => info.reason && `${info.search}: ${info.reason}`,
    close: () => heed.dispose(),
  };
}
