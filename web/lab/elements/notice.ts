/** Tells the reader that something they asked for could not be done, above the notebook, until they put it away. */
import { html, render } from "lit";

export function notice(text: string): void {
  const bar = document.createElement("div");
  bar.className = "notice";
  bar.setAttribute("role", "alert");
  render(
    html`
      <span>${text}</span>
      <button type="button" @click=${() => bar.remove()}>Close</button>
    `,
    bar,
  );
  document.querySelector(".notice")?.remove();
  document.querySelector("main")?.prepend(bar);
  bar.scrollIntoView({ block: "nearest" });
}
