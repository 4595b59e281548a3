/** A JSON object that somebody else wrote, read field by field. */
import { HeedError } from "../errors.js";
import { shown } from "../check/names.js";

/** Own fields alone: a file cannot reach what objects inherit. */
export class Fields {
  constructor(
    /** Stands in messages. */
    readonly where: string,
    readonly values: Readonly<Record<string, unknown>>,
  ) {}

  /** @throws {HeedError} `invalid-argument` */
  static of(where: string, value: unknown): Fields {
    if (typeof value === "object" && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) {
      return new Fields(where, value as Record<string, unknown>);
    }
    throw new HeedError("invalid-argument", `${where} is ${shown(value)}; a JSON object is needed`);
  }

  /** A field of the object itself; null counts as missing, as it does where these files are written. */
  get(name: string): unknown {
    return Object.hasOwn(this.values, name) ? (this.values[name] ?? undefined) : undefined;
  }

  refuse(name: string, needed: string): never {
    const value = this.get(name);
    const was = value === undefined ? "missing" : typeof value === "object" ? JSON.stringify(value) : shown(value);
    throw new HeedError("invalid-argument", `${name} of ${this.where} is ${was.slice(0, 200)}; ${needed} is needed`);
  }

  count(name: string, largest: number, missing?: number): number {
    const value = this.get(name) ?? missing;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= largest) return value;
    return this.refuse(name, `an integer from 1 to ${largest}`);
  }

  positive(name: string, missing?: number): number {
    const value = this.get(name) ?? missing;
    if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
    return this.refuse(name, "a finite number greater than 0");
  }

  flag(name: string, missing: boolean): boolean {
    const value = this.get(name) ?? missing;
    return typeof value === "boolean" ? value : this.refuse(name, "true or false");
  }
}
