/**
 * Imports a file that bundlers have copied: they see its address (`new URL`), and are told to leave the import alone.
 * As a part of the bundle it would make a worker of several files, which Vite's workers cannot be unless they are
 * configured.
 *
 * Such files end in .mjs: minifiers take them for modules by that. What they export is also kept under a symbol,
 * because Parcel takes a file with an address for a script, and drops its exports.
 */
import { version } from "../version.js";

/** As .ci/build/copied.mjs writes it into the loaders. */
const place = Symbol.for(`heed ${version}`);
const kept = globalThis as { [kept: symbol]: Record<string, unknown> | undefined };

/** For a file that is to be imported so: keeps its default export. */
export function keepExport(name: string, value: unknown): void {
  (kept[place] ??= {})[name] = value;
}

/** The default export of the file that the package calls `name`. */
export async function importCopied<Export>(url: URL, name: string): Promise<Export> {
  const module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ /* turbopackIgnore: true */ url.href)) as {
    default?: Export;
  };
  return module.default ?? (kept[place]?.[name] as Export);
}
