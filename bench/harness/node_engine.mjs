// Node as an engine: a process per candidate, so that no candidate's threads, heap or optimizer state touch another's.

import { fork } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

import { watchOthers } from "./machine.mjs";
import { root } from "./places.mjs";
import { Session } from "./session.mjs";

const child = fileURLToPath(new URL("./node_child.mjs", import.meta.url));

/** What `import("heed/sync")` means at the project's root, as an address. */
function entryAddress(name) {
  return pathToFileURL(createRequire(`${root}/package.json`).resolve(name)).href;
}

export async function startNode() {
  return {
    name: "node",
    title: `Node ${process.versions.node} (V8 ${process.versions.v8})`,
    entry: entryAddress,
    watchOthers,
    async open({ module }) {
      const program = fork(child, [], { stdio: ["ignore", "ignore", "pipe", "ipc"], serialization: "advanced" });
      let complaints = "";
      program.stderr.on("data", (data) => (complaints = (complaints + data).slice(-600)));
      const session = new Session({
        address: (name) => new URL(`../${name}`, import.meta.url).href,
        module,
        send: (id, message) => program.send({ id, message }),
        end: () =>
          new Promise((resolve) => {
            if (program.exitCode !== null || program.signalCode !== null) return resolve();
            program.once("exit", resolve);
            program.kill("SIGKILL");
          }),
      });
      program.on("message", ({ id, answer }) => session.receive(id, answer));
      program.on("error", (error) => session.fail(error.message));
      program.on("exit", (code, signal) => session.fail(`the process ended (${signal ?? code}): ${complaints.trim()}`));
      return session;
    },
    close: async () => {},
  };
}
