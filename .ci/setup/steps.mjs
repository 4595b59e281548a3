// The steps that make a bare machine ready, in order, each done only when its product is not there yet.
//
//   build  what `npm start` needs          test  what `npm test` needs besides
//   lint   formatter and analyzer          all   these three
//   webkit what the tests in WebKitGTK need besides
//
// Cost: about two and a half minutes from nothing, of it 80 processor seconds for the libraries of wasm64; a tenth of a
// second when everything is there.

import { writeFileSync } from "node:fs";
import { delimiter, dirname } from "node:path";

import { Failure } from "../base/failure.mjs";
import { exclusively } from "../base/lock.mjs";
import { fromToolchain } from "../base/paths.mjs";
import { output, which } from "../base/process.mjs";
import { step } from "../base/step.mjs";
import * as compiler from "./compiler.mjs";
import { installNode, nodeIsReady, nodeProgram } from "./node_runtime.mjs";
import { installNpmPackages, packagesAreReady } from "./npm_packages.mjs";
import { installPackages, isDebianLike, missingPackages } from "./system_packages.mjs";
import { node, systemPackages, xsimdMinimum } from "./versions.mjs";

/** Makes the machine ready for groups of commands and returns the environment their programs run in. */
export async function setUp(...groups) {
  refuseOldNode();
  return exclusively("set-up", async () => {
    const packages = wantedPackages(groups);
    const missing = isDebianLike() ? missingPackages(packages) : missingPrograms(groups);
    if (missing.length > 0) {
      await step("system packages", missing.join(" "), () => installPackages(missing));
    }
    // Fetching and unpacking wait for one thing or another, so they wait together.
    await allOf([nodePackages(), debianArchives()]);
    if (!compiler.wideLibrariesAreReady()) {
      await step("wasm64 libraries", "those that Emscripten comes without", compiler.buildWideLibraries);
    }
    return writeEnvironment();
  });
}

async function nodePackages() {
  if (!nodeIsReady()) await step(`Node ${node.version}`, "private copy for the tools", installNode);
  if (!packagesAreReady()) await step("npm packages", "package-lock.json", installNpmPackages);
}

async function debianArchives() {
  if (!compiler.compilerIsReady()) await step("Emscripten", "private copy, about 220 MB", compiler.unpackCompiler);
  if (!compiler.xsimdIsReady()) await step("xsimd", "headers", compiler.unpackXsimd);
}

/** Waits for all of them, also when one fails: nothing is left half done in the background. */
async function allOf(promises) {
  const failed = (await Promise.allSettled(promises)).find(({ status }) => status === "rejected");
  if (failed) throw failed.reason;
}

const members = {
  build: ["build"],
  test: ["build", "test"],
  lint: ["build", "lint"],
  webkit: ["build", "webkit"],
  all: ["build", "test", "lint"],
};

function wantedPackages(groups) {
  const unknown = groups.find((group) => !Object.hasOwn(members, group));
  if (unknown !== undefined) {
    throw new Failure(`unknown group "${unknown}"; there are ${Object.keys(members).join(", ")}.`);
  }
  const wanted = groups.flatMap((group) => members[group]).flatMap((name) => systemPackages[name]);
  if (!compiler.ownCompiler()) wanted.unshift(...systemPackages.compiler);
  return [...new Set(wanted)];
}

/** Systems without apt: nothing can be installed for them, but what is there is used. */
function missingPrograms(groups) {
  const programs = ["cmake", "ninja", "python3"];
  if (groups.includes("test") || groups.includes("all")) programs.push("clang++", "chromium");
  if (groups.includes("webkit")) programs.push("WebKitWebDriver", "Xvfb");
  const missing = programs.filter((name) => which(name) === undefined);
  if (missing.length === 0 && compiler.ownCompiler()) return [];
  throw new Failure(
    `this is not a Debian-like system, so heed cannot install its tools; install emcc >= 3.1.69 (on PATH), clang, ` +
      `cmake, ninja, python3, GoogleTest, chromium, and xsimd >= ${xsimdMinimum.join(".")} (its include folder in ` +
      `XSIMD_INCLUDE)${missing.length > 0 ? `; not found: ${missing.join(", ")}` : ""}.`,
  );
}

function refuseOldNode() {
  if (Number(process.versions.node.split(".")[0]) >= 20 && output("npm", ["--version"]) !== undefined) return;
  throw new Failure(`this is Node ${process.versions.node}; heed needs Node 20 or newer with npm.`);
}

/** The environment for child processes; also written as a file for shells: `. .toolchain/environment.sh`. */
function writeEnvironment() {
  const { folder, variables } = compiler.compilerEnvironment();
  const added = { ...variables, HEED_EMSCRIPTEN: folder };
  const folders = [folder, dirname(nodeProgram())];
  const lines = Object.entries(added).map(([name, value]) => `export ${name}='${value}'`);
  lines.push(`export PATH='${folders.join(delimiter)}':"$PATH"`);
  writeFileSync(fromToolchain("environment.sh"), `${lines.join("\n")}\n`);
  return { ...process.env, ...added, PATH: [...folders, process.env.PATH].join(delimiter) };
}
