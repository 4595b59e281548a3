// A corpus as one file of the repository: an input a line, in base64, the smallest first. Fuzzers want folders.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";

/** Bytes of a corpus in the repository. */
export const largestCorpus = 100_000;

export const corpusFile = (name) => fromRoot("tests", "fuzz", "corpus", `${name}.txt`);

/** Inputs of the file, in its order. */
export function readCorpus(file) {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => Buffer.from(line, "base64"));
}

/** A fresh folder with one file for each input. */
export function unpack(inputs, folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const input of inputs) writeFileSync(join(folder, createHash("sha1").update(input).digest("hex")), input);
}

/** The folder's inputs as a file of at most so many bytes, the longest ones left out. Returns how many it has. */
export function pack(folder, file, limit = largestCorpus) {
  const inputs = readdirSync(folder).map((name) => readFileSync(join(folder, name)));
  inputs.sort((a, b) => a.length - b.length || Buffer.compare(a, b));
  const lines = [];
  let bytes = 0;
  for (const input of inputs) {
    if (input.length === 0) continue;
    const line = `${input.toString("base64")}\n`;
    if (bytes + line.length > limit) break;
    bytes += line.length;
    lines.push(line);
  }
  writeIfChanged(file, lines.join(""));
  return { inputs: lines.length, bytes };
}
