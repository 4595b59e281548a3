/**
 * The parameters of the page, kept in the part of the address after '#'. That part is never sent to a server, survives
 * a reload, and makes every view of the notebook a link that can be shared.
 *
 * Only values that differ from their defaults are written, so an untouched page has a clean address. Writes are
 * gathered: browsers refuse more than about 20 changes of the address per second, and dragging a slider makes more.
 */
const writeDelayMs = 150;

/** The name under which a link carries a whole notebook (packed.ts); not a parameter of any input. */
export const codeName = "code";

class Address extends EventTarget {
  #values = new URLSearchParams(location.hash.slice(1));
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    window.addEventListener("hashchange", () => {
      this.#values = new URLSearchParams(location.hash.slice(1));
      this.dispatchEvent(new Event("change"));
    });
  }

  read(name: string): string | null {
    return this.#values.get(name);
  }

  write(name: string, value: string | null): void {
    if (this.#values.get(name) === value) return;
    if (value === null) this.#values.delete(name);
    else this.#values.set(name, value);
    this.#timer ??= setTimeout(() => this.#flush(), writeDelayMs);
  }

  /** Forgets every parameter; inputs go back to their defaults. */
  clear(): void {
    this.#values = new URLSearchParams();
    this.#flush();
    this.dispatchEvent(new Event("change"));
  }

  /** What stands in the address once everything is written. */
  text(): string {
    return this.#values.toString();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const hash = this.text();
    history.replaceState(history.state, "", hash === "" ? location.pathname + location.search : `#${hash}`);
  }
}

export const address = new Address();
