/**
 * The preview server compresses what it serves, each time anew. Weights do not get smaller by it, and 28 MB of them take
 * seconds.
 */
import type { Plugin } from "vite";

export function weightsPlugin(): Plugin {
  return {
    name: "weights",
    configurePreviewServer({ middlewares }) {
      middlewares.use((request, _, next) => {
        if (/\.safetensors([?#]|$)/.test(request.url ?? "")) delete request.headers["accept-encoding"];
        next();
      });
    },
  };
}
