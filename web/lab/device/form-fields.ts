/** A number that the reader sets, kept in the address of the page under its name where it is not the default. */
import { html, type TemplateResult } from "lit";
import { address } from "../framework/address.js";

export interface NumberOptions {
  name: string;
  label: string;
  value: number;
  min: number;
  max: number;
}

export interface ParameterNumber {
  readonly value: number;
  render(changed: () => void): TemplateResult;
}

export function parameterNumber({ name, label, value: initial, min, max }: NumberOptions): ParameterNumber {
  const legal = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max;
  const read = (): number => {
    const text = address.read(name);
    return text !== null && text.trim() !== "" && legal(Number(text)) ? Number(text) : initial;
  };
  return {
    get value() {
      return read();
    },
    render(changed) {
      const change = (event: Event): void => {
        const input = event.target as HTMLInputElement;
        const value = legal(input.valueAsNumber) ? input.valueAsNumber : read();
        input.value = String(value);
        address.write(name, value === initial ? null : String(value));
        changed();
      };
      return html`
        <label class="device-field">
          <span>${label}</span>
          <input type="number" name=${name} min=${min} max=${max} .value=${String(read())} @change=${change} />
        </label>
      `;
    },
  };
}
