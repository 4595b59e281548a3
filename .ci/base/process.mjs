// Starting other programs: loudly (their output is ours), or quietly (into a log that a failure then names).

import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { accessSync, constants } from "node:fs";

import { Failure } from "./failure.mjs";
import { root } from "./paths.mjs";

/** What `status` says of a program that its limit ended. */
export const outOfTime = 124;

/**
 * Runs a program to its end and resolves to its exit status. `log`: file that takes the output instead of the
 * terminal. `signal` kinds of death count as 1. `limit`: after so many ms the program and all that it started are
 * ended, and the status is `outOfTime`.
 */
export function status(command, args, { cwd = root, env = process.env, log, append = false, limit } = {}) {
  let sink = "inherit";
  if (log) {
    mkdirSync(dirname(log), { recursive: true });
    sink = openSync(log, append ? "a" : "w");
  }
  return new Promise((resolve, reject) => {
    // In a group of its own, where it may have to be ended with its browsers.
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", sink, sink], detached: limit !== undefined });
    let late = false;
    const clock = setTimeout(() => {
      late = true;
      process.kill(-child.pid, "SIGKILL");
    }, limit ?? 0);
    if (limit === undefined) clearTimeout(clock);
    const close = () => {
      clearTimeout(clock);
      if (typeof sink === "number") closeSync(sink);
    };
    child.on("error", (error) => {
      close();
      if (error.code !== "ENOENT") return reject(error);
      reject(new Failure(`the program "${command}" was not found; run "npm run setup" to install what heed needs.`));
    });
    child.on("exit", (code) => {
      close();
      resolve(late ? outOfTime : (code ?? 1));
    });
  });
}

/** As `status`, but anything other than 0 is a Failure with the given sentence. */
export async function run(command, args, options = {}) {
  const { otherwise = `"${command} ${args.join(" ")}" failed.`, log, lines = 12 } = options;
  const code = await status(command, args, options);
  if (code === 0) return;
  const where = log ? ` The last lines of ${relative(root, log)}:\n${tail(log, lines)}` : "";
  throw new Failure(`${otherwise}${where}`);
}

/** Output of a short program, or undefined when it cannot be started or fails. */
export function output(command, args, { cwd = root, env = process.env } = {}) {
  const { status: code, stdout } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return code === 0 ? stdout : undefined;
}

/** Full path of a program on PATH, or undefined. */
export function which(name, path = process.env.PATH ?? "") {
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, name);
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // not here
    }
  }
  return undefined;
}

function tail(file, lines) {
  return readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .slice(-lines)
    .map((line) => `    ${line}`)
    .join("\n");
}
