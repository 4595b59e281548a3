/** Option objects: known names only, so that a misspelled option cannot be ignored. */
import { HeedError } from "../errors.js";

/** Messages show so much of a text: it may be a whole file. */
const longestShown = 100;

/** A JSON value, cut off where it is long. */
export function shownJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

/** "number 3", "string \"a\"", "undefined": a value as messages show it. */
export function shown(value: unknown): string {
  if (typeof value === "string") {
    const cut = value.length > longestShown ? ` and ${value.length - longestShown} more characters` : "";
    return `the string ${JSON.stringify(value.slice(0, longestShown))}${cut}`;
  }
  if (typeof value === "number" || value === null || value === undefined || typeof value === "boolean") {
    return String(value);
  }
  if (ArrayBuffer.isView(value)) return `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
  return typeof value === "object" ? `an object (${value.constructor?.name ?? "no class"})` : `a ${typeof value}`;
}

/** @throws {HeedError} `invalid-argument` */
export function checkOptionNames(where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new HeedError(
      "invalid-argument",
      `the options of ${where} are ${shown(options)}; an object with ${known.join(", ")} is needed`,
    );
  }
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    throw new HeedError("invalid-argument", `${where} has no option "${name}"; its options are ${known.join(", ")}`);
  }
}

/** One of a list of words. @throws {HeedError} `invalid-argument` */
export function checkWord<Word extends string>(name: string, value: unknown, words: readonly Word[]): Word {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const list = words.map((word) => `"${word}"`).join(", ");
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; one of ${list} is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkFlag(name: string, value: unknown, whenMissing: boolean): boolean {
  if (value === undefined) return whenMissing;
  if (typeof value === "boolean") return value;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; true or false is needed`);
}
