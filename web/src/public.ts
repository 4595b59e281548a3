/** The names that both entries export. */
export { HeedError, errorCodes, type HeedErrorCode } from "./errors.js";
export type * from "./cache-options.js";
export type * from "./cache-results.js";
export type * from "./decoder-options.js";
export type * from "./decoder-results.js";
export type * from "./foreign.js";
export type * from "./options.js";
export type * from "./results.js";
export type * from "./theory.js";
export type { Features } from "./runtime/features.js";
export { variants, type VariantName } from "./runtime/variants.js";
export { version } from "./version.js";
