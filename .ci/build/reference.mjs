// The reference in web/reference: one page for each entry's names, from the comments in web/src, by TypeDoc.
//
// `npm run reference` writes it; a test (tests/docs/reference.test.mjs) makes it again and compares, so that it can't
// fall behind the comments, and fails for an exported name or a member of one that has no comment.

import { Application, ReflectionKind } from "typedoc";

import { fromRoot } from "../base/paths.mjs";

const entries = { heed: "web", "heed/sync": "sync-web", "heed/safetensors": "safetensors", "heed/inline": "inline" };
const tsconfig = fromRoot(".ci", "build", "tsconfig.types.json");

/** Writes the pages into `folder` and gives the names that have no comment. */
export async function writeReference(folder) {
  const application = await Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    tsconfig,
    entryPoints: Object.values(entries).map((entry) => fromRoot("web", "src", "entries", `${entry}.ts`)),
    name: "heed: reference",
    readme: "none",
    disableSources: true,
    disableGit: true,
    excludePrivate: true,
    excludeInternal: true,
    hideGenerator: true,
    hidePageHeader: true,
    sort: ["source-order"],
    parametersFormat: "table",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    tableColumnSettings: { hideSources: true, hideInherited: true, hideOverrides: true, hideModifiers: true },
    logLevel: "Error",
  });
  const project = await application.convert();
  if (project === undefined) throw new Error("TypeDoc could not read web/src");
  for (const child of project.children)
    child.name = Object.keys(entries).find((name) => entries[name] === child.name) ?? child.name;
  await application.outputs.writeOutput({ name: "markdown", path: folder }, project);
  return withoutComment(project);
}

const explained =
  ReflectionKind.SomeType | ReflectionKind.SomeValue | ReflectionKind.SomeMember | ReflectionKind.Variable;

/** In the row of a table one comment may explain several columns in line; the other two list all simulations. */
const isTable = (name) => /Row$|^Simulation(Rows|Parameters)$/.test(name);

/** Exported names and their own members. A class's `[Symbol.dispose]` is the language's, and explained there. */
function withoutComment(project) {
  const missing = [];
  const look = (reflection, path) => {
    if (reflection.isReference?.() || reflection.name.startsWith("[")) return;
    const name = [...path, reflection.name];
    const comments = [reflection, ...(reflection.signatures ?? []), reflection.getSignature].filter(Boolean);
    const inherited = reflection.flags.isInherited || reflection.flags.isExternal;
    if (reflection.kindOf(explained) && !inherited && !comments.some((one) => one.hasComment()))
      missing.push(name.join("."));
    if (reflection.kindOf(ReflectionKind.ClassOrInterface) && !isTable(reflection.name))
      for (const child of reflection.children ?? []) look(child, name);
  };
  for (const entry of project.children) for (const child of entry.children ?? []) look(child, [entry.name]);
  return missing;
}
