/** A few numbers that matter, large, each with what it is. `data-value` holds all digits of the number shown. */
import { html } from "htl";

export interface KeyNumber {
  label: string;
  value: number;
  /** The number as shown. */
  text: string;
  /** Stands behind the number in small type. */
  note?: string;
}

export function keyNumbers(numbers: readonly KeyNumber[]): HTMLElement {
  const list = document.createElement("dl");
  list.className = "numbers";
  for (const { label, value, text, note } of numbers) {
    const small = note === undefined ? "" : html`<small> ${note}</small>`;
    list.append(
      html`<div>
        <dt>${label}</dt>
        <dd data-value=${value}>${text}${small}</dd>
      </div>` ?? "",
    );
  }
  return list;
}
