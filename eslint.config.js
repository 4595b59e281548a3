// Lint rules: the recommended sets with type information for web/, plus what style asks of the published sources.

import js from "@eslint/js";
import typescript from "typescript-eslint";

export default typescript.config(
  { ignores: [".toolchain/", "build/", "dist/", "web/lab/notebooks/", "web/lab/assets/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [typescript.configs.recommended],
    rules: {
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { disallowTypeAnnotations: false }],
      // A leading underscore says "required by the signature".
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      // The type checker knows the globals of each file.
      "no-undef": "off",
    },
  },
  {
    files: ["web/src/**/*.ts"],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": "error",
      "no-console": "error",
    },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: Object.fromEntries(
        [
          ...["AbortController", "Blob", "Buffer", "URL", "URLSearchParams", "WebAssembly", "clearTimeout", "console"],
          ...["fetch", "performance", "process", "queueMicrotask", "setTimeout", "structuredClone", "TextDecoder"],
          ...["TextEncoder", "globalThis", "crypto", "navigator", "document", "window", "Worker", "SharedArrayBuffer"],
          ...[
            "self",
            "caches",
            "setInterval",
            "clearInterval",
            "AbortSignal",
            "DOMException",
            "MessageChannel",
            "Response",
            "atob",
          ],
        ].map((name) => [name, "readonly"]),
      ),
    },
  },
);
