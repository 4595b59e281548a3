// The rules as functions from sources to complaints, so that each can be shown a violation that it must find.

import { dirname, join, normalize } from "node:path";

import { cppLayers, reserved, webLayers } from "./layer_table.mjs";
import { withoutComments } from "./sources.mjs";

/** Includes that the table does not allow. `files`: C++ sources below cpp/. */
export function includeComplaints(files) {
  return files.flatMap(({ path, text }) => {
    const layer = path.split("/")[1];
    if (!(layer in cppLayers)) return [`${path}: there is no layer "${layer}" in layer_table.mjs`];
    const allowed = [layer, ...cppLayers[layer]];
    return [...withoutComments(text).matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].flatMap(([, included]) => {
      const target = included.split("/")[0];
      if (!included.includes("/")) return [`${path}: include "${included}" by its path from cpp/`];
      return allowed.includes(target) ? [] : [`${path}: ${layer} may not include ${included}`];
    });
  });
}

/** Words that belong to one layer, found elsewhere. */
export function reservedComplaints(files) {
  return files.flatMap(({ path, text }) =>
    reserved.flatMap(({ what, pattern, only }) => {
      if (only.some((place) => path.startsWith(place) || (place.startsWith("/") && path.endsWith(place)))) return [];
      const found = withoutComments(text).match(pattern);
      return found ? [`${path}: ${what} ("${found[0]}") belongs to ${only[0]}`] : [];
    }),
  );
}

/** Relative imports of a TypeScript or JavaScript file, as paths from the root. */
function relativeImports({ path, text }) {
  const found = withoutComments(text).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']/g);
  return [...found].map(([, name]) => normalize(join(dirname(path), name)));
}

const webLayer = (path) => {
  const parts = path.split("/").slice(2);
  return parts.length === 1 ? "." : parts[0];
};

/** Imports inside web/src that the table does not allow. The glue lies beside the bundles and is not a layer. */
export function webImportComplaints(files) {
  return files.flatMap((file) => {
    const layer = webLayer(file.path);
    if (!(layer in webLayers)) return [`${file.path}: there is no folder "${layer}" in layer_table.mjs`];
    const allowed = [layer, ...webLayers[layer]];
    return relativeImports(file).flatMap((target) => {
      if (target.includes("/glue/"))
        return layer === "platforms" ? [] : [`${file.path}: only platforms/ load the glue`];
      if (!target.startsWith("web/src/")) return [`${file.path}: imports ${target}, outside web/src`];
      return allowed.includes(webLayer(target)) ? [] : [`${file.path}: ${layer} may not import ${target}`];
    });
  });
}

/** The lab imports the package by its public name, and plots import nothing of ours. */
export function labImportComplaints(files) {
  return files.flatMap((file) =>
    relativeImports(file).flatMap((target) => {
      if (target.startsWith("web/src") || target.startsWith("dist")) {
        return [`${file.path}: imports ${target}; the package is imported as "heed", "heed/sync"`];
      }
      const plot = file.path.startsWith("web/lab/plots/");
      return plot && !target.startsWith("web/lab/plots/") ? [`${file.path}: a plot knows nothing of ${target}`] : [];
    }),
  );
}

/** Exported declarations without a doc comment right above. */
export function undocumentedExports(files) {
  return files.flatMap(({ path, text }) => {
    const lines = text.split("\n");
    return lines.flatMap((line, i) => {
      const name =
        /^export (?:default )?(?:abstract |async )?(?:class|function\*?|interface|type|const|enum) (\w+)/.exec(
          line,
        )?.[1];
      if (name === undefined) return [];
      const above = lines[i - 1]?.trim() ?? "";
      // Overloads after the first share its comment.
      return above.endsWith("*/") || above.includes(`function ${name}(`) ? [] : [`${path}:${i + 1}: ${name}`];
    });
  });
}
