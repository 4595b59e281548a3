// The step of the clock here: browsers round it, coarsely where a page is not isolated. A sample must last many steps.

const wantedSteps = 20;

/** Milliseconds between two different readings, the smallest of some. */
export function timerStep(now = () => performance.now()) {
  let least = Infinity;
  for (let i = 0; i < wantedSteps; ++i) {
    const start = now();
    let next = start;
    while (next === start) next = now();
    least = Math.min(least, next - start);
  }
  return least;
}

export const open = async () => ({
  info: {},
  measure: () => ({ step: timerStep(), isolated: globalThis.crossOriginIsolated === true }),
});
