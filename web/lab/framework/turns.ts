/**
 * One long task at a time: all of them use the same worker, and a measurement of time must not run beside another
 * computation. Among those that wait, the one that stands first on the page goes first.
 */
interface Waiting {
  element: Element;
  enter: () => void;
}

/** Chosen: longer than the pauses within one movement of the hand, shorter than one would wait for. */
const quietMs = 250;

let busy = false;
const waiting: Waiting[] = [];

/** Runs `work` when its turn comes, or at once when `signal` is aborted, so that it can end without waiting. */
export async function inTurn<Result>(
  element: Element,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  const entered = await turnOf(element, signal);
  try {
    return await work();
  } finally {
    if (entered) {
      busy = false;
      admit();
    }
  }
}

/** True when the turn came, false when the signal was aborted before. */
function turnOf(element: Element, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const leave = (): void => {
      waiting.splice(waiting.indexOf(entry), 1);
      resolve(false);
    };
    const entry: Waiting = {
      element,
      enter: () => {
        signal.removeEventListener("abort", leave);
        resolve(true);
      },
    };
    signal.addEventListener("abort", leave, { once: true });
    waiting.push(entry);
    admit();
  });
}

function admit(): void {
  if (busy || waiting.length === 0) return;
  busy = true;
  // While a reader drags a slider, tasks are made and dropped many times a second; none of them should begin.
  setTimeout(() => {
    waiting.sort((a, b) => (a.element.compareDocumentPosition(b.element) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    const first = waiting.shift();
    if (first === undefined) busy = false;
    else first.enter();
  }, quietMs);
}
