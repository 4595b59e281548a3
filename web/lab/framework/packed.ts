/**
 * Text as part of a link: deflated, then base64 in the alphabet that needs no escaping. What comes back from a link is
 * believed in nothing: it may be no such text, or unfold to far more than anyone typed.
 */

/** Largest text that a link may unfold to, in bytes. */
export const largestText = 2 ** 20;

export async function pack(text: string): Promise<string> {
  const bytes = await collect(new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw")), Infinity);
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** @throws {RangeError} when it is no packed text, or longer than `largestText` */
export async function unpack(packed: string): Promise<string> {
  const bytes = fromBase64(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  let text: Uint8Array<ArrayBuffer>;
  try {
    text = await collect(stream, largestText);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    throw new RangeError("the code in this link is damaged", { cause: error });
  }
  return new TextDecoder().decode(text);
}

/** All bytes of a stream, read no further than `limit`. */
async function collect(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      void reader.cancel();
      throw new RangeError(`the code in this link unfolds to more than ${limit} bytes`);
    }
    parts.push(value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch (error) {
    throw new RangeError("the code in this link is damaged", { cause: error });
  }
}
