// npm run preview: serves what `npm run build` made of the lab, with the headers it needs, on 127.0.0.1.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { labConfiguration, labFolder, vite } from "./build/lab.mjs";
import { setUp } from "./setup/steps.mjs";

await guarded(async () => {
  const environment = await setUp("build");
  if (!existsSync(fromRoot("build", "lab", "index.html")))
    throw new Failure("there is no lab yet; npm run build makes it.");
  const server = spawn("node", [vite, "preview", labFolder, "--config", labConfiguration], {
    env: environment,
    stdio: "inherit",
  });
  return new Promise((resolve) => server.once("exit", (status) => resolve(status ?? 0)));
});
