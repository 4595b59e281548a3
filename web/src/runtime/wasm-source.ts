/**
 * From whatever a caller has to a compiled module.
 *
 * The bytes are read whole and their first four looked at before they are compiled: servers of single-page applications
 * answer a missing file with their index.html and status 200, and "expected magic word" helps nobody. The files are
 * small (some 100 KB), so compiling while they stream in would save nothing that can be felt.
 */
import { HeedError, reasonOf } from "../errors.js";
import type { WasmSource } from "../options.js";
import type { Platform, ReadOptions } from "./platform.js";
import type { ModuleName, VariantName } from "./variants.js";
import { responseBytes } from "./wasm-option.js";

const magic = [0x00, 0x61, 0x73, 0x6d];

/** Compiled modules of the package's own files: the same file is the same module, whoever asks. */
const compiled = new Map<string, Promise<WebAssembly.Module>>();

function checkMagic(bytes: Uint8Array, from: string): void {
  if (magic.every((byte, i) => bytes[i] === byte)) return;
  const start = new TextDecoder().decode(bytes.slice(0, 16)).trimStart();
  const html = start.startsWith("<");
  throw new HeedError(
    "load-failed",
    `${from} is not WebAssembly${html ? " but HTML: the server answered with a page" : ""} (it starts with ` +
      `${JSON.stringify(start)}); serve the package's file of that name there, or pass its place as the option wasm`,
  );
}

async function compile(
  bytes: Uint8Array<ArrayBuffer>,
  from: string,
  options: ReadOptions,
): Promise<WebAssembly.Module> {
  checkMagic(bytes, from);
  options.onProgress?.({ phase: "compile", loaded: 0, total: bytes.length });
  let module: WebAssembly.Module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    throw new HeedError("load-failed", `${from} does not compile in this engine: ${reasonOf(error)}`, { cause: error });
  }
  options.onProgress?.({ phase: "compile", loaded: bytes.length, total: bytes.length });
  return module;
}

async function fetchAndCompile(platform: Platform, url: URL, options: ReadOptions): Promise<WebAssembly.Module> {
  return compile(await platform.read(url, options), url.href, options);
}

function ownModule(platform: Platform, url: URL, options: ReadOptions): Promise<WebAssembly.Module> {
  const known = compiled.get(url.href);
  if (known) return known;
  const module = fetchAndCompile(platform, url, options);
  compiled.set(url.href, module);
  // A failure, or a cancelled download, is not remembered.
  module.catch(() => compiled.delete(url.href));
  return module;
}

/** Bytes that nobody else can change or detach. */
function ownBytes(source: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return new Uint8Array(view);
}

/** @throws {HeedError} `load-failed` */
export async function compileSource(
  platform: Platform,
  name: ModuleName,
  variant: VariantName,
  source: WasmSource | undefined,
  options: ReadOptions,
): Promise<WebAssembly.Module> {
  if (source === undefined) {
    // A cancelled download would fail for the others who wait for it.
    const url = platform.wasmUrl(name, variant);
    return options.signal ? fetchAndCompile(platform, url, options) : ownModule(platform, url, options);
  }
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source === "string" || source instanceof URL) {
    return fetchAndCompile(platform, platform.resolve(source), options);
  }
  const option = `the option ${name === "core" ? "wasm" : `wasm.${name}`}`;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return compile(ownBytes(source), option, options);
  return compile(await responseBytes(source), source.url || `the Response of ${option}`, options);
}
