/**
 * The peers of the benchmark page: onnxruntime-web, LiteRT.js and TensorFlow.js, as files of the lab's own origin below
 * `peers/`. They are dependencies of bench/ alone and taken from there if somebody has installed them there; otherwise
 * the page says that they are absent.
 *
 * Each adapter of bench/peers becomes one classic script, a worker with the bench's host inside: LiteRT.js loads its own
 * script with importScripts, which module workers lack. The libraries' WebAssembly lies beside, as it came.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { rolldown } from "rolldown";
import type { Plugin } from "vite";

interface Peer {
  package: string;
  /** Adapters in bench/peers that use it. */
  adapters: readonly string[];
  /** Of its files, those that the adapters load themselves: a folder, and which files in it. */
  folder: string;
  files: RegExp;
}

const peers: readonly Peer[] = [
  {
    package: "onnxruntime-web",
    adapters: ["onnxruntime", "onnx_decode"],
    folder: "dist",
    files: /^ort-wasm-simd-threaded\.(mjs|wasm)$/,
  },
  { package: "@litertjs/core", adapters: ["litert"], folder: "wasm", files: /^litert_wasm_(?!jspi).*\.(js|wasm)$/ },
  {
    package: "@tensorflow/tfjs-backend-wasm",
    adapters: ["tensorflow_wasm", "tensorflow_decode"],
    folder: "dist",
    files: /\.wasm$/,
  },
];

const types: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/** What the page imports: the version of each peer that is there, by the name of its package. */
const listName = "virtual:peers";

export function peersPlugin(bench: string): Plugin {
  const modules = join(bench, "node_modules");
  const versions = Object.fromEntries(
    peers.flatMap((peer) => {
      const file = join(modules, peer.package, "package.json");
      if (!existsSync(file)) return [];
      return [[peer.package, (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version]];
    }),
  );
  const present = peers.filter((peer) => peer.package in versions);

  /** Address below `peers/` to the file it stands for. */
  const copies = new Map<string, string>(
    present.flatMap(({ package: name, folder, files }) =>
      readdirSync(join(modules, name, folder))
        .filter((file) => files.test(file))
        .map((file) => [`${name}/${folder}/${file}`, join(modules, name, folder, file)] as const),
    ),
  );
  const workers = new Map<string, string>(
    present.flatMap(({ adapters }) => adapters.map((name) => [`${name}.js`, name] as const)),
  );

  return {
    name: "peers",
    resolveId: (id) => (id === listName ? `\0${listName}` : null),
    load: (id) => (id === `\0${listName}` ? `export default ${JSON.stringify(versions)};` : null),
    async buildStart() {
      if (this.environment.mode !== "build") return;
      for (const [address, file] of copies) {
        this.emitFile({ type: "asset", fileName: `peers/${address}`, source: readFileSync(file) });
      }
      for (const [address, adapter] of workers) {
        this.emitFile({ type: "asset", fileName: `peers/${address}`, source: await workerOf(bench, adapter) });
      }
    },
    configureServer(server) {
      server.middlewares.use("/peers", (request, response, next) => {
        const address = new URL(request.url ?? "", "http://lab").pathname.slice(1);
        const adapter = workers.get(address);
        const copy = copies.get(address);
        const body = adapter === undefined ? copy && readFileSync(copy) : workerOf(bench, adapter);
        if (body === undefined) return next();
        for (const [name, value] of Object.entries(server.config.server.headers ?? {})) {
          response.setHeader(name, String(value));
        }
        response.setHeader("Content-Type", types[extname(address)] ?? "application/octet-stream");
        Promise.resolve(body).then((content) => response.end(content), next);
      });
    },
  };
}

/** Standard modules of Node that libraries and adapters import for Node's sake. */
const forNode = /^(node:.*|fs|path|os|perf_hooks|worker_threads)$/;

/**
 * For the lab's own workers, which use parts of the bench that also run in Node: what they would import there does not
 * exist here and is never reached.
 */
export function withoutNodePlugin(): Plugin {
  const empty = "\0not-in-browsers";
  return {
    name: "without-node",
    enforce: "pre",
    resolveId: (id, importer) => (importer?.includes("/bench/") === true && forNode.test(id) ? empty : null),
    load: (id) => (id === empty ? "export default {};" : null),
  };
}

/** The text of a classic worker that hosts one adapter. */
async function workerOf(bench: string, adapter: string): Promise<string> {
  const entry = `\0peer:${adapter}`;
  const empty = "\0not-in-browsers";
  const text = `
    import { createHost } from ${JSON.stringify(join(bench, "harness", "host.mjs"))};
    import * as candidate from ${JSON.stringify(join(bench, "peers", `${basename(adapter)}.mjs`))};
    const handle = createHost({ load: async () => candidate });
    globalThis.onmessage = async ({ data: { id, message } }) => {
      globalThis.postMessage({ id, answer: await handle(message) });
    };`;
  const bundle = await rolldown({
    input: entry,
    platform: "browser",
    logLevel: "silent",
    resolve: {
      alias: { "onnxruntime-web": join(bench, "node_modules", "onnxruntime-web", "dist", "ort.wasm.min.mjs") },
    },
    plugins: [
      {
        name: "peer",
        resolveId: (id) => (id === entry ? entry : forNode.test(id) ? empty : null),
        load: (id) => (id === entry ? text : id === empty ? "export default {};" : null),
      },
    ],
  });
  try {
    const { output } = await bundle.generate({ format: "iife", minify: true, codeSplitting: false });
    return output[0].code;
  } finally {
    await bundle.close();
  }
}
