// npm start: from a fresh clone to the lab in a browser. Sets up, builds, serves on 127.0.0.1; Ctrl-C ends it.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { Failure, guarded } from "./base/failure.mjs";
import { labConfiguration, labFolder, vite } from "./build/lab.mjs";
import { build } from "./build/steps.mjs";
import { setUp } from "./setup/steps.mjs";

const host = "127.0.0.1";

/** The first free port from `first` on. */
async function freePort(first) {
  for (let port = first; port < first + 100; ++port) {
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.once("error", () => resolve(false));
      probe.listen(port, host, () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Failure(`no free port from ${first} to ${first + 99}; name another with PORT=<number>.`);
}

function wantedPort() {
  const { PORT = "5173" } = process.env;
  const port = Number(PORT);
  if (Number.isInteger(port) && port > 0 && port < 65436) return port;
  throw new Failure(`PORT is "${PORT}"; use a whole number from 1 to 65435.`);
}

/** Waits until the page answers, and makes sure that threads will work there. */
async function firstAnswer(address, ended) {
  for (let i = 0; i < 150 && !ended(); ++i, await sleep(100)) {
    const response = await fetch(address).catch(() => undefined);
    if (!response?.ok) continue;
    const isolated =
      response.headers.get("cross-origin-opener-policy") === "same-origin" &&
      response.headers.get("cross-origin-embedder-policy") === "require-corp";
    if (isolated) return;
    throw new Failure(`${address} is served without COOP/COEP headers; put them into web/lab/vite.config.ts.`);
  }
  throw new Failure(`the lab did not answer at ${address}; the server's own messages are above.`);
}

await guarded(async () => {
  const port = wantedPort();
  const environment = await setUp("build");
  await build(environment, { lab: false });
  if (!existsSync(labConfiguration)) throw new Failure("web/lab/vite.config.ts is missing; there is no lab to serve.");

  const address = `http://${host}:${await freePort(port)}/`;
  const server = spawn(
    "node",
    [
      vite,
      labFolder,
      "--config",
      labConfiguration,
      "--host",
      host,
      "--port",
      new URL(address).port,
      "--strictPort",
    ].concat(["--logLevel", "warn", "--clearScreen", "false"]),
    { env: environment, stdio: ["ignore", "inherit", "inherit"], detached: true },
  );
  let code;
  const end = new Promise((resolve) => server.once("exit", (status) => resolve((code = status ?? 0))));
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      asked = true;
      server.kill("SIGTERM");
    });
  }
  try {
    await firstAnswer(address, () => code !== undefined);
    console.log(`\nThe lab is at ${address} (Ctrl-C ends it)`);
    await end;
  } finally {
    if (code === undefined) server.kill("SIGTERM");
  }
  return asked ? 0 : code;
});
