/**
 * How the lab is served and built.
 *
 * Every answer carries the isolation headers (threads need SharedArrayBuffer) and a content security policy under which
 * no request can leave the page's own origin. Two permissions exist for the lab alone: 'unsafe-eval', because a reader
 * edits cells and runs them, and 'unsafe-inline' for styles, because plots and the editor bring their own.
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { notebookPlugin } from "./notebook-plugin.js";
import { offlinePlugin } from "./offline-plugin.js";
import { pagesPlugin } from "./pages-plugin.js";
import { peersPlugin, withoutNodePlugin } from "./peers-plugin.js";
import { preloadPlugin } from "./preload-plugin.js";
import { weightsPlugin } from "./weights-plugin.js";

/**
 * Hypertext Literal, which builds the inputs of the page, marks the place of a function with the text "::0", "::1", …
 * and sets the function afterwards. Where the function is an event handler, the mark stands in a place for code for a
 * moment. It is no valid code; allowing exactly these texts keeps the browser from reporting them.
 */
const handlerMarks = Array.from({ length: 32 }, (_, i) => {
  return `'sha256-${createHash("sha256").update(`::${i}`).digest("base64")}'`;
});

const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src 'self' 'unsafe-eval' 'wasm-unsafe-eval' 'unsafe-hashes' ${handlerMarks.join(" ")}`,
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Content-Security-Policy": contentSecurityPolicy,
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here("."),
  base: "./",
  plugins: [
    notebookPlugin(),
    pagesPlugin({ root: here("."), headers }),
    peersPlugin(here("../../bench")),
    withoutNodePlugin(),
    offlinePlugin(here("offline/service-worker.js")),
    preloadPlugin(),
    weightsPlugin(),
  ],
  resolve: {
    // Notebook Kit's transpiler imports all of TypeScript for cells of type "ts", which this lab does not offer:
    // without this line a visitor would download a megabyte more.
    alias: { typescript: here("framework/absent-typescript.cjs") },
  },
  optimizeDeps: {
    // Found at the start instead of on the first edit, where a newly found dependency reloads the page.
    include: [
      "@codemirror/commands",
      "@codemirror/lang-javascript",
      "@codemirror/language",
      "@codemirror/state",
      "@codemirror/view",
      "@lezer/highlight",
    ],
  },
  worker: { format: "es", plugins: () => [withoutNodePlugin()] },
  build: {
    outDir: here("../../build/lab"),
    emptyOutDir: true,
    // A module inlined as a data: URL would need a policy that lets data: through.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 600,
    target: "es2022",
  },
  server: { host: "127.0.0.1", headers, fs: { allow: [here("../..")] } },
  preview: { host: "127.0.0.1", headers },
});
