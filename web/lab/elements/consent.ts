/**
 * Asks before code from elsewhere runs. A link or a file may hold cells that somebody else wrote; they can compute and
 * read what is opened in this page, so the reader sees them as text first and decides. Closing the dialog in any way
 * but one means no.
 */
import { html, render } from "lit";
import type { Notebook } from "@observablehq/notebook-kit";

export interface Request {
  /** "This link" or a file's name. */
  from: string;
  title: string;
  /** The cells that are not part of the page's own notebook. */
  cells: Notebook["cells"];
}

export function askToRun({ from, title, cells }: Request): Promise<boolean> {
  const dialog = document.createElement("dialog");
  dialog.className = "consent";
  const count = cells.length === 1 ? "1 cell that is" : `${cells.length} cells that are`;
  render(
    html`
      <form method="dialog">
        <h2 id="consent-title">Run code from elsewhere?</h2>
        <p>
          <b>${from}</b>
          brings the notebook “${title}” with ${count} not part of this page. Running them lets whoever wrote them read
          what you open here. Say yes only if you trust them.
        </p>
        <details>
          <summary>Read the code first</summary>
          <pre tabindex="0" role="region" aria-label="Code that would run">
${cells.map(({ value }) => value).join("\n\n// next cell\n\n")}</pre>
        </details>
        <div class="dialog-actions">
          <button class="primary" value="no" autofocus>Do not run it</button>
          <button value="yes">Run it</button>
        </div>
      </form>
    `,
    dialog,
  );
  dialog.setAttribute("aria-labelledby", "consent-title");
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
  });
}
