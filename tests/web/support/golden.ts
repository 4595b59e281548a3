/** Files of tests/golden, in Node and in browsers, where the test server has them. */
import { inNode } from "./expected-variants.js";

/** In a variable, or Vite takes the address below for one that it must find at build time. */
const here = import.meta.url;

export async function goldenBytes(name: string): Promise<Uint8Array<ArrayBuffer>> {
  const url = new URL(`../../golden/${name}`, here);
  if (inNode) {
    const { readFile } = await import("node:fs/promises");
    return Uint8Array.from(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url.href} is answered with ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}
