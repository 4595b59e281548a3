/** Tells each built document which notebook it will show, so that the browser fetches it beside main.ts, not after. */
import { basename } from "node:path";
import type { Plugin } from "vite";
import { contents } from "./contents.js";

export function preloadPlugin(): Plugin {
  return {
    name: "preload",
    apply: "build",
    transformIndexHtml: {
      order: "post",
      handler(_, { path, bundle }) {
        const page = basename(path, ".html");
        const name = page === "index" ? contents[0]!.name : page;
        const chunk = Object.values(bundle ?? {}).find(
          (output) => output.type === "chunk" && output.facadeModuleId?.endsWith(`/notebooks/${name}.html?notebook`),
        );
        if (chunk === undefined) return [];
        return [
          {
            tag: "link",
            attrs: { rel: "modulepreload", crossorigin: true, href: `./${chunk.fileName}` },
            injectTo: "head",
          },
        ];
      },
    },
  };
}
