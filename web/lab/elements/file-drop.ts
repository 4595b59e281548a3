/**
 * A place to drop files or to choose them, as an input of a notebook: its value are the files, none at first.
 * `view(fileDrop({label: "A model", accept: ".safetensors,.json"}))`
 */
import { html } from "htl";

export interface FileDropOptions {
  label: string;
  /** Endings of file names, as the browser's file dialog takes them. */
  accept: string;
}

export type FileDrop = HTMLElement & { value: readonly File[] };

export function fileDrop({ label, accept }: FileDropOptions): FileDrop {
  const input = html`<input type="file" multiple accept=${accept} aria-label=${label} />` as HTMLInputElement;
  const chosen = html`<span class="drop-chosen" role="status"></span>` as HTMLElement;
  const root = html`<div class="drop">
    <label><b>${label}</b><span>drop ${accept.replaceAll(",", ", ")} here, or choose</span>${input}</label>
    ${chosen}
  </div>` as FileDrop;
  const take = (files: readonly File[]): void => {
    root.value = files;
    chosen.textContent = files.map(({ name }) => name).join(", ");
    root.dispatchEvent(new Event("input", { bubbles: true }));
  };
  root.value = [];
  input.addEventListener("change", () => take([...(input.files ?? [])]));
  // The file input's own event carries no value of this one.
  input.addEventListener("input", (event) => event.stopPropagation());
  for (const name of ["dragenter", "dragover"]) {
    root.addEventListener(name, (event) => {
      event.preventDefault();
      root.dataset["over"] = "";
    });
  }
  root.addEventListener("dragleave", () => delete root.dataset["over"]);
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    delete root.dataset["over"];
    take([...(event.dataTransfer?.files ?? [])]);
  });
  return root;
}
