// Packages of the host system. Asks dpkg what is there (milliseconds) and installs only what is missing.

import { Failure } from "../base/failure.mjs";
import { fromToolchain } from "../base/paths.mjs";
import { output, status, which } from "../base/process.mjs";

/** The packages of `wanted` that are not installed. */
export function missingPackages(wanted) {
  const listing = output("dpkg-query", ["--show", "--showformat", "${Package} ${db:Status-Abbrev}\n"]) ?? "";
  const installed = new Set();
  for (const line of listing.split("\n")) {
    const [name, state] = line.split(" ");
    if (state?.startsWith("ii") || state?.startsWith("hi")) installed.add(name);
  }
  return wanted.filter((name) => !installed.has(name));
}

export const isDebianLike = () => which("apt-get") !== undefined && which("dpkg-query") !== undefined;

export async function installPackages(packages) {
  const prefix = rightsPrefix(packages);
  const log = fromToolchain("logs", "system-packages.log");
  const apt = (...args) =>
    status(prefix[0] ?? "apt-get", prefix.length > 0 ? [...prefix.slice(1), "apt-get", ...args] : args, {
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
      log,
      append: true,
    });
  const install = () => apt("install", "-y", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0", ...packages);

  // The package lists may be absent (fresh machine) or old (404 on download): renew them only then. A third-party
  // source that does not answer makes update fail without mattering here, so install alone decides.
  if (allKnown(packages) && (await install()) === 0) return;
  await apt("update", "-q");
  if ((await install()) === 0) return;
  throw new Failure(
    `apt could not install ${packages.join(" ")}; see .toolchain/logs/system-packages.log, put the package sources ` +
      `right and run the same command again.`,
  );
}

const allKnown = (packages) => output("apt-cache", ["show", "--no-all-versions", ...packages]) !== undefined;

/** What must stand before apt-get: nothing for root, sudo when it asks for no password. */
function rightsPrefix(packages) {
  if (process.getuid?.() === 0) return [];
  if (which("sudo") && output("sudo", ["-n", "true"]) !== undefined) {
    return ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive"];
  }
  throw new Failure(
    `system packages are missing; run: sudo apt-get update && sudo apt-get install -y --no-install-recommends ` +
      `${packages.join(" ")}`,
  );
}
