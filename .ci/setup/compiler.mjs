// The WebAssembly compiler: the machine's own when it is new enough, else a private copy in .toolchain/emscripten.
//
// The private copy is Debian's package of Emscripten (architecture-independent) over the host's clang 19. Two things
// make it run on an older Debian: binaryen's programs are started with the C library that came with them, and acorn is
// linked to where Emscripten's JavaScript passes look for it.

import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, dirname, join } from "node:path";

import { Failure } from "../base/failure.mjs";
import { digestOf } from "../base/files.mjs";
import { fromRoot, fromToolchain } from "../base/paths.mjs";
import { output, run, which } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";
import { unpackPackages } from "./debian_archive.mjs";
import { nodeProgram } from "./node_runtime.mjs";
import { compilerPackages, emccMinimum, suite, xsimdMinimum, xsimdPackages } from "./versions.mjs";

const home = fromToolchain("emscripten");
const files = join(home, "root");
const scripts = join(files, "usr/share/emscripten");
const config = fromToolchain("emscripten-config.py");
const xsimdHome = fromToolchain("xsimd");
const platformFile = "cmake/Modules/Platform/Emscripten.cmake";

/** Folder of the machine's own Emscripten when it is at least `emccMinimum`, else undefined. */
export function ownCompiler() {
  const path = [process.env.PATH, process.env.EMSDK && join(process.env.EMSDK, "upstream/emscripten")];
  const emcc = which("emcc", path.filter(Boolean).join(delimiter));
  if (emcc === undefined || emcc.startsWith(fromToolchain())) return undefined;
  // Asking emcc takes most of a second; its answer is kept for as long as the program is the same.
  const known = fromToolchain("stamps", "own-emscripten.json");
  const program = [realpathSync(emcc), statSync(emcc).mtimeMs, emccMinimum];
  const kept = readIfThere(known);
  if (kept !== undefined && keyOf(kept.program) === keyOf(program)) return kept.folder;
  const folder = folderIfNewEnough(emcc);
  mkdirSync(dirname(known), { recursive: true });
  writeFileSync(known, JSON.stringify({ program, folder }));
  return folder;
}

function folderIfNewEnough(emcc) {
  const version = /(\d+)\.(\d+)\.(\d+)/
    .exec(output(emcc, ["--version"]) ?? "")
    ?.slice(1)
    .map(Number);
  if (version === undefined || isOlder(version, emccMinimum)) return undefined;
  // emcc on PATH may be a link or a wrapper; CMake's platform file lies in the folder it stands for.
  const named = output(join(dirname(emcc), "em-config"), ["EMSCRIPTEN_ROOT"])?.trim();
  return [dirname(realpathSync(emcc)), named].find((folder) => folder && existsSync(join(folder, platformFile)));
}

function readIfThere(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/** What has to be in the environment of a build. */
export function compilerEnvironment() {
  const own = ownCompiler();
  if (own) return { folder: own, variables: { XSIMD_INCLUDE: xsimdInclude() } };
  return { folder: scripts, variables: { EM_CONFIG: config, XSIMD_INCLUDE: xsimdInclude() } };
}

// ---- Emscripten --------------------------------------------------------------------------------------------------

// Left out while unpacking: link-time-optimization and position-independent variants of the prebuilt libraries (two
// thirds of 1.5 GB, unused here; Emscripten would build them on demand), documentation.
const exclude = ["*/lib/wasm*-emscripten/lto", "*/lib/wasm*-emscripten/pic", "./usr/share/doc", "./usr/share/man"];

const compilerKey = () => keyOf([compilerPackages, exclude, suite, "layout 2"]);
const compilerStamp = join(home, "complete");

export function compilerIsReady() {
  if (ownCompiler()) return true;
  if (!isStamped(compilerStamp, compilerKey()) || !existsSync(join(scripts, "emcc"))) return false;
  writeConfig();
  return true;
}

export async function unpackCompiler() {
  refuseOtherProcessors();
  const fresh = `${home}.partial`;
  rmSync(fresh, { recursive: true, force: true });
  await unpackPackages(compilerPackages, join(fresh, "root"), { exclude });

  // Paths inside are relative to each script, so the folder can be renamed and the clone can move.
  const programs = join(fresh, "binaryen/bin");
  mkdirSync(programs, { recursive: true });
  for (const name of readdirSync(join(fresh, "root/usr/bin")).filter((name) => name.startsWith("wasm"))) {
    const text = [
      "#!/bin/sh",
      'here=$(cd "${0%/*}" && pwd)/../../root/usr',
      'exec "$here/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" --library-path "$here/lib/x86_64-linux-gnu" ' +
        `"$here/bin/${name}" "$@"`,
    ];
    writeFileSync(join(programs, name), `${text.join("\n")}\n`);
    chmodSync(join(programs, name), 0o755);
  }
  const modules = join(fresh, "root/usr/share/emscripten/node_modules");
  mkdirSync(modules, { recursive: true });
  rmSync(join(modules, "acorn"), { recursive: true, force: true });
  symlinkSync("../../nodejs/acorn", join(modules, "acorn"));
  // Without a package.json of its own, Emscripten's CommonJS files would be read as modules: heed's own says so.
  writeFileSync(join(fresh, "package.json"), '{ "private": true, "type": "commonjs" }\n');

  rmSync(home, { recursive: true, force: true });
  renameSync(fresh, home);
  stamp(compilerStamp, compilerKey());
  writeConfig();
}

function writeConfig() {
  const text = [
    "LLVM_ROOT='/usr/bin'",
    `BINARYEN_ROOT='${join(home, "binaryen")}'`,
    `NODE_JS='${nodeProgram()}'`,
    "LLVM_ADD_VERSION='19'",
    "CLANG_ADD_VERSION='19'",
    "FROZEN_CACHE=False",
    `CACHE='${join(scripts, "cache")}'`,
  ];
  const wanted = `${text.join("\n")}\n`;
  if (!existsSync(config) || readFileSync(config, "utf8") !== wanted) writeFileSync(config, wanted);
}

// ---- libraries for addresses of 64 bits ----------------------------------------------------------------------------

// An Emscripten of the machine's own builds the whole libraries by itself, with the first link that needs them.
const wideLibraries = ["wide_libraries.py", "wide_libraries.txt"].map((name) => fromRoot(".ci", "setup", name));
const wideLibrariesKey = () => keyOf([compilerKey(), digestOf(...wideLibraries)]);
const wideLibrariesStamp = join(home, "wide-libraries");

export function wideLibrariesAreReady() {
  return ownCompiler() !== undefined || isStamped(wideLibrariesStamp, wideLibrariesKey());
}

export async function buildWideLibraries() {
  const [script, list] = wideLibraries;
  await run("python3", [script, scripts, list], {
    env: { ...process.env, EM_CONFIG: config },
    log: fromToolchain("logs", "wide-libraries.log"),
    lines: 20,
    otherwise: "Emscripten's libraries for wasm64 did not build.",
  });
  stamp(wideLibrariesStamp, wideLibrariesKey());
}

// ---- xsimd -------------------------------------------------------------------------------------------------------

const xsimdKey = () => keyOf([xsimdPackages, suite, "layout 1"]);
const xsimdStamp = join(xsimdHome, "complete");

function xsimdInclude() {
  return process.env.XSIMD_INCLUDE ?? join(xsimdHome, "include");
}

export function xsimdIsReady() {
  if (process.env.XSIMD_INCLUDE === undefined) {
    return isStamped(xsimdStamp, xsimdKey()) && existsSync(join(xsimdHome, "include/xsimd/xsimd.hpp"));
  }
  const version = xsimdVersion(process.env.XSIMD_INCLUDE);
  if (version !== undefined && !isOlder(version, xsimdMinimum)) return true;
  throw new Failure(
    `XSIMD_INCLUDE is ${process.env.XSIMD_INCLUDE}, with ${version ? `xsimd ${version.join(".")}` : "no xsimd"}; ` +
      `name the include folder of xsimd >= ${xsimdMinimum.join(".")}, or unset it.`,
  );
}

export async function unpackXsimd() {
  const fresh = `${xsimdHome}.partial`;
  rmSync(fresh, { recursive: true, force: true });
  await unpackPackages(xsimdPackages, join(fresh, "root"));
  cpSync(join(fresh, "root/usr/include/xsimd"), join(fresh, "include/xsimd"), { recursive: true });
  rmSync(join(fresh, "root"), { recursive: true });
  const version = xsimdVersion(join(fresh, "include"));
  if (version === undefined || isOlder(version, xsimdMinimum)) {
    throw new Failure(`Debian ${suite} delivered xsimd ${version?.join(".")}; set XSIMD_INCLUDE to 13.2 or newer.`);
  }
  rmSync(xsimdHome, { recursive: true, force: true });
  renameSync(fresh, xsimdHome);
  stamp(xsimdStamp, xsimdKey());
}

function xsimdVersion(include) {
  const header = join(include, "xsimd/config/xsimd_config.hpp");
  if (!existsSync(header)) return undefined;
  const text = readFileSync(header, "utf8");
  return ["MAJOR", "MINOR", "PATCH"].map((part) => Number(new RegExp(`XSIMD_VERSION_${part} (\\d+)`).exec(text)?.[1]));
}

// ---- both --------------------------------------------------------------------------------------------------------

function isOlder(version, minimum) {
  const at = version.findIndex((part, i) => part !== minimum[i]);
  return at >= 0 && version[at] < minimum[at];
}

function refuseOtherProcessors() {
  if (process.platform === "linux" && process.arch === "x64" && existsSync("/etc/debian_version")) return;
  throw new Failure(
    `no compiler: on ${process.platform}-${process.arch} install Emscripten >= ${emccMinimum.join(".")} so that emcc ` +
      `is on PATH, and name the include folder of xsimd >= ${xsimdMinimum.join(".")} in XSIMD_INCLUDE.`,
  );
}
