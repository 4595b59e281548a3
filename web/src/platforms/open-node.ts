/** Files of a model in Node: paths, file: addresses, and what fetch knows. */
import type { OpenAddress } from "../model/source-of.js";
import { webSource } from "../model/web-source.js";
import { nodeSource } from "./node-source.js";

export const openInNode: OpenAddress = (address, signal) =>
  typeof address === "string" || address.protocol === "file:" ? nodeSource(address) : webSource(address, { signal });
