/** A module as text: base64 of its bytes after gzip. The build makes these files (.ci/build/inline.mjs). */
declare module "*.packed.js" {
  export const wasm: string;
  /** The worker's code; with the core only. */
  export const worker: string;
}
