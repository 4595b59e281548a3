// Packages of another Debian suite, downloaded and unpacked without touching the host system.
//
// apt runs with a state of its own (sources, lists, cache, an empty dpkg status), so nothing is installed and the
// host's package lists stay as they are. The mirror is the one the machine itself uses; signatures are checked against
// the machine's Debian keyring.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Failure } from "../base/failure.mjs";
import { fromToolchain } from "../base/paths.mjs";
import { output, run } from "../base/process.mjs";
import { suite } from "./versions.mjs";

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** Downloads `packages` and unpacks them into `destination`. `exclude`: tar patterns left out. */
export async function unpackPackages(packages, destination, { exclude = [] } = {}) {
  const state = `${destination}.apt`;
  rmSync(state, { recursive: true, force: true });
  for (const folder of ["lists/partial", "cache/archives/partial", "packages"]) {
    mkdirSync(join(state, folder), { recursive: true });
  }
  writeFileSync(join(state, "status"), "");
  writeFileSync(join(state, "sources.list"), `deb [signed-by=${keyring}] ${mirror()} ${suite} main\n`);

  const options = [
    `Dir::Etc::SourceList=${join(state, "sources.list")}`,
    "Dir::Etc::SourceParts=/dev/null",
    "Dir::Etc::Preferences=/dev/null",
    "Dir::Etc::PreferencesParts=/dev/null",
    `Dir::State::Lists=${join(state, "lists")}`,
    `Dir::State::Status=${join(state, "status")}`,
    `Dir::Cache=${join(state, "cache")}`,
    "Acquire::Languages=none",
    "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false",
    "Acquire::Retries=3",
    ...(process.getuid?.() === 0 ? ["APT::Sandbox::User=root"] : []),
    "APT::Architecture=amd64",
    "APT::Architectures=amd64",
  ].flatMap((option) => ["-o", option]);

  const log = fromToolchain("logs", "debian-archive.log");
  const otherwise =
    `could not download ${packages.join(" ")} of Debian ${suite}; check that this machine reaches its Debian mirror ` +
    `and run the same command again, or put emcc >= 3.1.69 on PATH.`;
  await run("apt-get", [...options, "update", "-q", "--error-on=any"], { log, otherwise });
  await run("apt-get", [...options, "download", "-q", ...packages], { cwd: join(state, "packages"), log, otherwise });

  mkdirSync(destination, { recursive: true });
  const patterns = exclude.map((pattern) => `'--exclude=${pattern}'`).join(" ");
  for (const file of readdirSync(join(state, "packages"))) {
    const unpack = `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" ${patterns}`;
    await run("bash", ["-o", "pipefail", "-c", unpack, "unpack", join(state, "packages", file), destination], {
      log,
      otherwise: `could not unpack ${file}; check the free disk space (1 GB is needed) and run the same command again.`,
    });
  }
  rmSync(state, { recursive: true, force: true });
}

/** The mirror this machine takes its own Debian packages from. */
function mirror() {
  if (process.env.DEBIAN_MIRROR) return process.env.DEBIAN_MIRROR;
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  const format = "$(RELEASE) $(COMPONENT) $(REPO_URI)";
  const targets = output("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]) ?? "";
  for (const line of targets.split("\n")) {
    const [release, component, address] = line.split(" ");
    if (release === codename && component === "main" && existsSync(keyring)) return address;
  }
  throw new Failure(
    "no Debian mirror was found in this machine's apt sources; install Emscripten >= 3.1.69 so that emcc is on PATH, " +
      "unpack xsimd >= 13.2 and name its include folder in XSIMD_INCLUDE.",
  );
}
