/**
 * The benchmark page, and one document per notebook, all made from index.html: `/` is the first of contents.ts, `/<name>.html` the others. In
 * a build each document also carries the content security policy, for hosts that send no headers of their own, and
 * `_headers` lists the headers in the form that several static hosts read.
 */
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Plugin } from "vite";
import { benchmark, contents, type Entry } from "./contents.js";

export interface PagesOptions {
  root: string;
  /** What every answer carries. */
  headers: Readonly<Record<string, string>>;
}

export function pagesPlugin({ root, headers }: PagesOptions): Plugin {
  const [first, ...others] = contents;
  const virtual = new Set(others.map(({ name }) => join(root, `${name}.html`)));
  let building = false;
  return {
    name: "pages",
    enforce: "pre",
    config: (_, { command }) => {
      building = command === "build";
      return {
        build: {
          rollupOptions: { input: [join(root, "index.html"), join(root, `${benchmark.name}.html`), ...virtual] },
        },
      };
    },
    resolveId: (id) => (virtual.has(id) ? id : null),
    load: (id) => (virtual.has(id) ? readFile(join(root, "index.html"), "utf8") : null),
    transformIndexHtml: {
      order: "pre",
      handler(html, { path, originalUrl }) {
        const name = basename(new URL(originalUrl ?? path, "http://lab").pathname, ".html");
        const policy = building ? headers["Content-Security-Policy"] : undefined;
        if (name === benchmark.name) return fill(html, benchmark, policy && withoutCode(policy));
        const entry = contents.find((one) => one.name === name) ?? first!;
        return fill(html, entry, policy);
      },
    },
    generateBundle() {
      const lines = Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`);
      this.emitFile({ type: "asset", fileName: "_headers", source: `/*\n${lines.join("\n")}\n` });
    },
  };
}

/** The policy of a page in which no reader writes code. */
function withoutCode(policy: string): string {
  return policy.replace(/script-src [^;]*/, "script-src 'self' 'wasm-unsafe-eval'");
}

function fill(html: string, { name, title, summary }: Entry, policy: string | undefined): string {
  // A document may not say who may frame it; only a header can.
  const own = policy?.replace(/;?\s*frame-ancestors [^;]*/, "");
  const meta = own === undefined ? "" : `<meta http-equiv="Content-Security-Policy" content="${escaped(own)}" />`;
  return html
    .replaceAll("%TITLE%", escaped(title))
    .replaceAll("%SUMMARY%", escaped(summary))
    .replaceAll("%NAME%", escaped(name))
    .replace("%POLICY%", meta);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
