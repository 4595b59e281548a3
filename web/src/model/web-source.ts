/**
 * A file at an address, read as it arrives: no server has to know ranges as long as reads go forwards, which is how
 * weights are read. A read that goes back asks for that range alone.
 */
import { HeedError, reasonOf } from "../errors.js";
import { byteSource, type ByteSource } from "./byte-source.js";

interface Options {
  signal: AbortSignal | undefined;
}

function failed(url: URL, why: string, cause?: unknown): HeedError {
  return new HeedError("load-failed", `${url.href} ${why}`, cause === undefined ? {} : { cause });
}

async function request(url: URL, { signal }: Options, headers: Record<string, string> = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { headers, ...(signal ? { signal } : {}) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw failed(url, `could not be fetched: ${reasonOf(error)}`, error);
  }
  if (response.ok) return response;
  throw failed(url, `was answered with status ${response.status}; 200 is needed`);
}

const nameOf = (url: URL): string => decodeURIComponent(url.pathname.split("/").at(-1) ?? "") || url.href;

class ForwardReader {
  /** Bytes [#start, #start + their length) of the file. */
  #parts: Uint8Array[] = [];
  #start = 0;
  #end = 0;

  constructor(
    readonly url: URL,
    readonly reader: ReadableStreamDefaultReader<Uint8Array>,
    readonly options: Options,
  ) {}

  async read(from: number, to: number): Promise<Uint8Array> {
    if (from < this.#start) return this.#range(from, to);
    while (this.#end < to && (await this.#pull()));
    this.#forgetBefore(from);
    const out = new Uint8Array(Math.max(0, Math.min(to, this.#end) - from));
    let at = this.#start - from;
    for (const part of this.#parts) {
      const begin = Math.max(0, -at);
      if (at + begin < out.length) out.set(part.subarray(begin, out.length - at), at + begin);
      at += part.length;
    }
    return out;
  }

  async #pull(): Promise<boolean> {
    try {
      const { done, value } = await this.reader.read();
      if (done || value === undefined) return false;
      this.#parts.push(value);
      this.#end += value.length;
      return true;
    } catch (error) {
      if (this.options.signal?.aborted) throw this.options.signal.reason;
      throw failed(this.url, `stopped after ${this.#end} bytes: ${reasonOf(error)}`, error);
    }
  }

  #forgetBefore(from: number): void {
    for (let first = this.#parts[0]; first && this.#start + first.length <= from; first = this.#parts[0]) {
      this.#start += first.length;
      this.#parts.shift();
    }
  }

  async #range(from: number, to: number): Promise<Uint8Array> {
    const response = await request(this.url, this.options, { Range: `bytes=${from}-${to - 1}` });
    if (response.status === 206) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    throw failed(this.url, "must be read out of order, and its server does not answer ranges; pass it as a Blob");
  }
}

/** @throws {HeedError} `load-failed`, or the signal's reason */
export async function webSource(url: URL, options: Options): Promise<ByteSource> {
  const response = await request(url, options);
  const name = nameOf(url);
  const beside = (file: string) => webSource(new URL(file, url), options);
  // With a content encoding the length counts other bytes than those that arrive.
  const length = response.headers.has("content-encoding") ? null : response.headers.get("content-length");
  if (length === null || !response.body) {
    return { ...byteSource(name, await response.blob()), beside };
  }
  const reader = response.body.getReader();
  const forward = new ForwardReader(url, reader, options);
  return {
    name,
    size: Number(length),
    read: (from, to) => forward.read(from, to),
    beside,
    close: () => reader.cancel().catch(() => undefined),
  };
}
