// CHANGELOG.md when a version is made. Changesets puts its entry between the title and the introduction; here it comes
// after the introduction, followed by what was written under "Unreleased".

const unreleased = /^## Unreleased\n+/m;

/** `text`: what Changesets has left. */
export function withRelease(text, version) {
  const title = text.slice(0, text.indexOf("\n") + 1);
  const rest = text.slice(title.length).trimStart();
  const heading = `## ${version}\n`;
  // Whatever comes before the next heading of its level, or the introduction, is the entry.
  const entry = rest.startsWith(heading) ? /^## .*\n+(?:(?:###|-|\s).*\n+)*/.exec(rest)[0] : heading;
  const others = rest.startsWith(heading) ? rest.slice(entry.length) : rest;
  const at = others.search(/^## /m);
  const [introduction, sections] = at < 0 ? [others, ""] : [others.slice(0, at), others.slice(at)];
  return `${title}\n${introduction.trim()}\n\n${entry.trim()}\n\n${sections.replace(unreleased, "")}`;
}

/** The version's one place in the sources. */
export function withVersion(source, version) {
  const changed = source.replace(/(export const version = )"[^"]*"/, `$1"${version}"`);
  if (!changed.includes(`"${version}"`)) throw new Error("web/src/version.ts exports no version");
  return changed;
}
