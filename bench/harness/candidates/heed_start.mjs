// How long heed takes to be ready, in an engine that has loaded nothing of it yet:
//
//   import       the package's own code
//   create       fetch or read, compile and start, threads included
//   first        a first small call, compiled by the baseline compiler
//   again        a second create: what the engine keeps, it need not do again

async function timed(work) {
  const start = performance.now();
  const value = await work();
  return [performance.now() - start, value];
}

export async function open({ entry, variant, threads }) {
  const instances = [];
  return {
    async measure() {
      const [imported, { create }] = await timed(() => import(entry));
      const [created, heed] = await timed(() => create({ variant, threads }));
      instances.push(heed);
      const numbers = new Float32Array(256 * 64).fill(1);
      const [first, answer] = await timed(() => heed.attend(numbers, numbers, numbers, { heads: 1, headDim: 64 }));
      if (!answer.every((number) => Math.abs(number - 1) < 1e-5)) throw new Error("the mean of ones is not one");
      const [again, second] = await timed(() => create({ variant, threads }));
      instances.push(second);
      return { info: { ...heed.info }, import: imported, create: created, first, again };
    },
    close: () => instances.forEach((heed) => heed.dispose()),
  };
}
