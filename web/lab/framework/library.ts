/**
 * The one instance of heed that the page's cells share, and the reader's choice of variant and threads.
 *
 * Choosing something else starts a new instance first and disposes the old one afterwards: calls still running there
 * are rejected, which nobody sees, because the cells that made them are computed again with the new instance.
 */
import { create } from "heed";
import { address } from "./address.js";

export type Heed = Awaited<ReturnType<typeof create>>;
export type Info = Heed["info"];
type VariantName = Info["variant"];

export const variantNames = ["relaxed-threads", "threads", "relaxed", "simd"] as const satisfies readonly VariantName[];

export interface Choice {
  variant: VariantName | null;
  threads: number | null;
}

class Library extends EventTarget {
  #instance: Promise<Heed> | undefined;
  #info: Info | undefined;
  #error: unknown;

  /** What runs now, or undefined while it starts or when it could not. */
  get info(): Info | undefined {
    return this.#info;
  }

  /** Why nothing runs. */
  get error(): unknown {
    return this.#error;
  }

  get choice(): Choice {
    const variant = variantNames.find((name) => name === address.read("variant")) ?? null;
    const threads = Number(address.read("threads") ?? Number.NaN);
    return { variant, threads: Number.isInteger(threads) && threads >= 1 && threads <= 64 ? threads : null };
  }

  /** Remembers the choice in the address; the page's notebook then asks for a new instance. */
  choose({ variant, threads }: Choice): void {
    address.write("variant", variant);
    address.write("threads", threads === null ? null : String(threads));
    this.dispatchEvent(new Event("choice"));
  }

  /** The instance that runs or starts; the first to ask starts it. */
  get instance(): Promise<Heed> {
    return this.#instance ?? this.start();
  }

  /** A new instance as chosen; the former one ends when this one has started, or has failed to. */
  start(): Promise<Heed> {
    const former = this.#instance;
    const { variant, threads } = this.choice;
    const instance = create({ ...(variant !== null && { variant }), ...(threads !== null && { threads }) });
    this.#instance = instance;
    this.#settle(undefined, undefined);
    instance.then(
      (heed) => this.#instance === instance && this.#settle(heed.info, undefined),
      (error: unknown) => this.#instance === instance && this.#settle(undefined, error),
    );
    const end = (): void => void former?.then((heed) => heed.dispose()).catch(() => undefined);
    instance.then(end, end);
    return instance;
  }

  #settle(info: Info | undefined, error: unknown): void {
    this.#info = info;
    this.#error = error;
    this.dispatchEvent(new Event("change"));
  }
}

export const library = new Library();
