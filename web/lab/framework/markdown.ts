/**
 * Markdown of cells that a reader, a link or a file brought. Rendered in a document of its own, where nothing loads or
 * runs, and stripped of everything that is no text before it reaches the page. Values in `${…}` that are elements were
 * computed by cells and are put in afterwards, untouched. Loaded with the first such cell; the notebooks of the lab
 * come rendered (notebook-plugin.ts).
 */
import createPurifier, { type Config } from "dompurify";
import MarkdownIt from "markdown-it";

const renderer = MarkdownIt({ html: true, linkify: true, typographer: true });

/** What prose consists of; pictures may only come from the page itself. */
const purifier = createPurifier(window);
const rules: Config & { RETURN_DOM_FRAGMENT: true } = {
  USE_PROFILES: { html: true },
  FORBID_TAGS: ["style", "form", "input", "button", "textarea", "select", "video", "audio", "dialog"],
  FORBID_ATTR: ["style", "id", "name", "srcset"],
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** The tag of `md` cells. */
export function md(template: TemplateStringsArray, ...values: unknown[]): HTMLElement {
  const nodes: Node[] = [];
  // A mark that Markdown leaves alone and that nobody can guess stands for an element until the text is clean.
  const mark = crypto.randomUUID();
  const source = template.reduce((text, part, i) => {
    const value = i === 0 ? [] : [values[i - 1]].flat();
    return (
      text + value.map((one) => (one instanceof Node ? `${mark}:${nodes.push(one) - 1};` : String(one))).join("") + part
    );
  }, "");
  const root = document.createElement("div");
  root.className = "prose";
  root.append(purifier.sanitize(renderer.render(source), rules));
  if (nodes.length > 0) replaceMarks(root, mark, nodes);
  return root;
}

function replaceMarks(root: HTMLElement, mark: string, nodes: readonly Node[]): void {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode() !== null) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    const parts = text.data.split(new RegExp(`${mark}:(\\d+);`));
    if (parts.length === 1) continue;
    text.replaceWith(...parts.map((part, i) => (i % 2 === 0 ? part : (nodes[Number(part)] ?? ""))));
  }
}
