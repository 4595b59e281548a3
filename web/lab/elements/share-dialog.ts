/** Shows the link to the notebook as it is now, to be copied. */
import { html, render } from "lit";

/** `edited`: the link holds code. */
export function showLink(link: string, edited: boolean): void {
  const dialog = document.createElement("dialog");
  dialog.className = "share";
  dialog.setAttribute("aria-labelledby", "share-title");
  const copy = async (event: Event): Promise<void> => {
    const button = event.currentTarget as HTMLButtonElement;
    const field = dialog.querySelector("input")!;
    field.select();
    try {
      await navigator.clipboard.writeText(link);
      button.textContent = "Copied";
    } catch {
      // The field is selected: the reader's own copy key works everywhere.
      button.textContent = "Press Ctrl C";
    }
  };
  render(
    html`
      <form method="dialog">
        <h2 id="share-title">Link to this view</h2>
        <p>
          ${
            edited
              ? "It holds the parameters and your edited cells. Whoever opens it is asked before the code runs."
              : "It holds the parameters as they are now."
          }
          Nothing is stored anywhere but in the link itself.
        </p>
        <input class="share-link" readonly aria-label="Link" .value=${link} autofocus />
        <div class="dialog-actions">
          <button type="button" class="primary" @click=${copy}>Copy</button>
          <button>Close</button>
        </div>
      </form>
    `,
    dialog,
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  dialog.querySelector("input")!.select();
}
