/**
 * Whether a regular expression repeats something that repeats itself, as in (a+)+. Such a pattern takes exponential
 * time on some texts, and a tokenizer that brings one would hang whoever loads it. No known tokenizer has one.
 */

/** "{2,}", or up to so many times that it is as good as endless. */
const manyTimes = /^\{\d*,(\d*)\}/;
const fewTimes = 64;

/** Length of the repetition without end that stands at the beginning of `rest`, or 0. */
function repetition(rest: string): number {
  if (rest.startsWith("*") || rest.startsWith("+")) return 1;
  const [all, most] = manyTimes.exec(rest) ?? [];
  if (all === undefined) return 0;
  return most === "" || Number(most) > fewTimes ? all.length : 0;
}

/** Where the class that begins at `from` ends. */
function endOfClass(pattern: string, from: number): number {
  let at = from + 1;
  if (pattern[at] === "^") ++at;
  // Directly after the bracket it is a character.
  if (pattern[at] === "]") ++at;
  while (at < pattern.length && pattern[at] !== "]") at += pattern[at] === "\\" ? 2 : 1;
  return at;
}

export function nestsRepetition(pattern: string): boolean {
  /** Of each open group: whether something in it repeats. */
  const groups = [false];
  for (let at = 0; at < pattern.length; ++at) {
    const character = pattern[at];
    let repeats = false;
    if (character === "\\") ++at;
    else if (character === "[") at = endOfClass(pattern, at);
    else if (character === "(") {
      groups.push(false);
      continue;
    } else if (character === ")" && groups.length > 1) repeats = groups.pop() as boolean;
    const repeated = repetition(pattern.slice(at + 1, at + 20));
    if (repeats && repeated > 0) return true;
    at += repeated;
    if (repeats || repeated > 0) groups[groups.length - 1] = true;
  }
  return false;
}
