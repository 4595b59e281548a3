// heed's exact attention through heed/sync: arrays in, an array out that is given beforehand, copies included, which is
// what a caller pays who calls more than once.
// With `tensors` the operands lie in the module's memory, so that what it takes beyond them can be read off.

export async function open({ entry, variant, threads, tensors = false }, { load }) {
  const { create } = await load(entry);
  const heed = await create({ variant, threads });
  let operands;
  let options;
  return {
    info: heed.info,
    layout: "token-major",
    prepare({ heads, headDim, causal }, { q, k, v }) {
      options = { heads, headDim, causal, out: new Float32Array(q.length) };
      operands = [q, k, v];
      if (!tensors) return;
      operands = operands.map((numbers) => heed.tensor(numbers));
      options.out = heed.tensor(q.length);
    },
    call: () => heed.attend(...operands, options),
    read: (answer) => (tensors ? answer.view().slice() : answer),
    /** The module's memory never shrinks, so what it has now is the most that it ever needed. */
    memory() {
      const { totalBytes } = heed.memory();
      const operandBytes = tensors
        ? 4 * (operands.reduce((sum, { length }) => sum + length, 0) + options.out.length)
        : 0;
      return { totalBytes, operandBytes, extraBytes: totalBytes - operandBytes };
    },
    close: () => heed.dispose(),
  };
}
