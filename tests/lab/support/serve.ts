/** The lab as build.ts left it, served on 127.0.0.1 with its headers. */
import { fileURLToPath } from "node:url";
import { preview } from "vite";

const configFile = fileURLToPath(new URL("../../../web/lab/vite.config.ts", import.meta.url));

export interface ServedLab {
  origin: string;
  close(): Promise<void>;
}

export async function serveLab(): Promise<ServedLab> {
  const server = await preview({ configFile, logLevel: "error", preview: { port: 0 } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { origin: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}
