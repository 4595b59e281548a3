/**
 * Ties an input of a notebook to a name in the address: `parameter("k", Inputs.range(...))`.
 *
 * Text from a link is only ever turned into a value of the kind the input already holds and then offered to the input,
 * which accepts it within its own limits or keeps its default. Nothing from the address is ever run or shown as HTML.
 */
import { address } from "./address.js";

export type Value = string | number | boolean | null | undefined;
export type ValueInput = HTMLElement & { value: Value };

export function parameter<I extends ValueInput>(name: string, input: I): I {
  const initial = input.value;
  const assign = (): void => {
    const text = address.read(name);
    offer(input, text === null ? initial : parse(text, initial), initial);
  };
  assign();
  input.addEventListener("input", () => {
    address.write(name, Object.is(input.value, initial) ? null : String(input.value));
  });
  const follow = (): void => {
    if (!input.isConnected) return address.removeEventListener("change", follow);
    const before = input.value;
    assign();
    if (!Object.is(before, input.value)) input.dispatchEvent(new Event("input", { bubbles: true }));
  };
  address.addEventListener("change", follow);
  return input;
}

function parse(text: string, like: Value): Value {
  if (typeof like === "number") return text.trim() === "" ? Number.NaN : Number(text);
  if (typeof like === "boolean") return text === "true";
  return text;
}

function offer(input: ValueInput, value: Value, fallback: Value): void {
  if (typeof value === "number" && !Number.isFinite(value)) value = fallback;
  input.value = value;
  // A choice that does not exist leaves a menu with nothing chosen.
  if (input.value === null || input.value === undefined) input.value = fallback;
}
