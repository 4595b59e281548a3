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
      const type = (event: Event): void => {
        const value = (event.target as HTMLInputElement).valueAsNumber;
        if (!legal(value)) return;
        address.write(name, value === initial ? null : String(value));
        changed();
      };
      // What cannot be asked for goes back to what was there.
      const leave = (event: Event): void => void ((event.target as HTMLInputElement).value = String(read()));
      return html`
        <label class="device-field">
          <span>${label}</span>
          <input
            type="number"
            name=${name}
            min=${min}
            max=${max}
            .value=${String(read())}
            @input=${type}
            @change=${leave}
          />
        </label>
      `;
    },
  };
}
