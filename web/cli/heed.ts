#!/usr/bin/env node
/**
 * The `heed` command: `heed NAME ...` runs the subcommand of that name.
 *
 * Results go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed (the message says why), 2 wrong use.
 */
import { HeedError, version } from "heed/sync";

import { CommandError, UsageError, type Command } from "./command.js";
import { evaluate } from "./eval.js";
import { quantize } from "./quantize.js";
import { radius } from "./radius.js";
import { sweep } from "./sweep.js";

const commands: Readonly<Record<string, Command>> = { eval: evaluate, quantize, radius, sweep };

const list = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(10)}${summary}`);
const usage = ["usage: heed COMMAND [ARGUMENT ...]", "", ...list, "", "heed COMMAND --help says more."].join("\n");

async function main([name, ...args]: string[]): Promise<void> {
  if (name === "--help" || name === "-h" || name === "help") return void process.stdout.write(`${usage}\n`);
  if (name === "--version") return void process.stdout.write(`${version}\n`);
  if (name === undefined) throw new UsageError("a command is missing");
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) {
    throw new UsageError(`there is no command "${name}"; the commands are ${Object.keys(commands).join(", ")}`);
  }
  if (args.includes("--help") || args.includes("-h")) return void process.stdout.write(`${command.usage}\n`);
  await command.run(args);
}

/** What parseArgs of Node throws when it does not know an option. */
const isParseError = (error: Error): boolean =>
  "code" in error && typeof error.code === "string" && error.code.startsWith("ERR_PARSE_ARGS");

// A reader that has seen enough, as in `heed ... | less`, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Error)) throw error;
  if (error instanceof UsageError || isParseError(error)) {
    process.stderr.write(`heed: ${error.message}\nheed --help says what there is.\n`);
    process.exitCode = 2;
  } else if (error instanceof CommandError || error instanceof HeedError) {
    process.stderr.write(`heed: ${error.message}\n`);
    process.exitCode = 1;
  } else {
    throw error;
  }
}
