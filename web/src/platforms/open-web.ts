/** Files of a model in a browser. The code that reads them comes with the first one. */
import { HeedError } from "../errors.js";
import type { OpenAddress } from "../model/source-of.js";

export const openInBrowser: OpenAddress = async (address, signal) => {
  if (typeof address === "string") {
    const shown = JSON.stringify(address.slice(0, 100));
    throw new HeedError(
      "invalid-argument",
      `a file of the model is the string ${shown}; in a browser a URL is needed, as in ` +
        "new URL(path, location.href)",
    );
  }
  const { webSource } = await import("../model/web-source.js");
  return webSource(address, { signal });
};
