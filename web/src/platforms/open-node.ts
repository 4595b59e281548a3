/** Files of a model in Node: paths, file: addresses, and what fetch knows. */
import type { OpenAddress } from "../model/source-of.js";
import { nodeSource } from "./source-node.js";

export const openInNode: OpenAddress = async (address, signal) => {
  if (typeof address === "string" || address.protocol === "file:") return nodeSource(address);
  // Loaded when it is needed: what the entries share must not need what models need, which needs what they share.
  const { webSource } = await import("../model/web-source.js");
  return webSource(address, { signal });
};
