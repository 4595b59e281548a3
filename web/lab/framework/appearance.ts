/**
 * Light or dark: what the system prefers until the reader chooses. Figures drawn on a canvas listen for the change;
 * everything else follows the CSS variables.
 */
export type Appearance = "light" | "dark";

const storageKey = "heed-lab-appearance";
const system = matchMedia("(prefers-color-scheme: dark)");

class AppearanceChoice extends EventTarget {
  constructor() {
    super();
    system.addEventListener("change", () => this.#apply());
    this.#apply();
  }

  get current(): Appearance {
    const chosen = stored();
    return chosen ?? (system.matches ? "dark" : "light");
  }

  /** Choosing what the system prefers anyway means following the system again. */
  choose(appearance: Appearance): void {
    const followsSystem = appearance === (system.matches ? "dark" : "light");
    try {
      if (followsSystem) localStorage.removeItem(storageKey);
      else localStorage.setItem(storageKey, appearance);
    } catch {
      // Storage may be switched off: then the choice lasts as long as the page.
    }
    this.#apply(appearance);
  }

  #apply(appearance: Appearance = this.current): void {
    document.documentElement.dataset["appearance"] = appearance;
    this.dispatchEvent(new Event("change"));
  }
}

function stored(): Appearance | undefined {
  try {
    const value = localStorage.getItem(storageKey);
    return value === "light" || value === "dark" ? value : undefined;
  } catch {
    return undefined;
  }
}

export const appearance = new AppearanceChoice();
