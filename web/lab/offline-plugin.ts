/**
 * The service worker of a built lab: offline/service-worker.js with the list of the build's files written into it. It
 * exists in builds alone; in development a file must never come from a cache.
 *
 * The language model is not on the list: 28 MB are fetched when a reader asks for them, and kept by device/file-store.ts.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin, Rolldown } from "vite";

function isOfModel(output: Rolldown.OutputAsset | Rolldown.OutputChunk): boolean {
  return output.type === "asset" && output.originalFileNames.some((name) => name.includes("assets/decoder/"));
}

export function offlinePlugin(template: string): Plugin {
  return {
    name: "offline",
    apply: "build",
    enforce: "post",
    generateBundle: {
      order: "post",
      handler(_, bundle) {
        const text = readFileSync(template, "utf8");
        const files = Object.keys(bundle)
          // Nobody needs the peers but a reader who measures them, and they are larger than all the rest.
          .filter((name) => !/^(_|peers\/)|\.map$/.test(name) && !isOfModel(bundle[name]!))
          .sort();
        const digest = createHash("sha256").update(text);
        for (const name of files) {
          const output = bundle[name]!;
          digest.update(name).update(output.type === "chunk" ? output.code : output.source);
        }
        const source = text
          .replace('"%VERSION%"', JSON.stringify(digest.digest("hex").slice(0, 16)))
          .replace('["%FILES%"]', JSON.stringify(files));
        this.emitFile({ type: "asset", fileName: "service-worker.js", source });
      },
    },
  };
}
