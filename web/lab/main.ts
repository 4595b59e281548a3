/** Puts the page together: the notebook that the document names, and the header's wishes. */
import "@observablehq/inputs/dist/index.css";
import "./style/index.css";
import { LabHeader } from "./elements/lab-header.js";
import { LabNext } from "./elements/lab-next.js";
import { LabNotebook, type NotebookModule } from "./elements/lab-notebook.js";
import { LabStatus } from "./elements/lab-status.js";
import { notice } from "./elements/notice.js";
import { library } from "./framework/library.js";
import { keepOffline } from "./framework/offline.js";

// By name and here: the package says that its modules have no side effects, so a bundler drops imports for effect
// alone.
customElements.define("lab-header", LabHeader);
customElements.define("lab-notebook", LabNotebook);
customElements.define("lab-next", LabNext);
customElements.define("lab-status", LabStatus);

const notebooks = import.meta.glob<NotebookModule>("./notebooks/*.html", { query: "?notebook" });

// The library starts in a worker while the page is put together.
void library.instance.catch(() => undefined);

const notebook = document.querySelector("lab-notebook");
if (!(notebook instanceof LabNotebook)) throw new Error("the document has no <lab-notebook>");

const name = notebook.dataset["name"] ?? "";
const load = notebooks[`./notebooks/${name}.html`];
if (load === undefined) throw new Error(`there is no notebook named ${name}`);
notebook.load(await load(), name);

document.addEventListener("lab-code", (event) => notebook.showSource((event as CustomEvent<boolean>).detail));
document.addEventListener("lab-download", () => void notebook.download());
document.addEventListener("lab-open", (event) => void notebook.openFile((event as CustomEvent<File>).detail));
document.addEventListener("lab-reset", () => notebook.reset());
document.addEventListener("lab-share", async () => {
  const { showLink } = await import("./elements/share-dialog.js");
  showLink(await notebook.link(), notebook.edited);
});

// A dropped notebook opens as a chosen one does; a cell that takes files of its own has already said so.
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const file = event.dataTransfer?.files[0];
  if (file === undefined) return;
  if (file.name.endsWith(".html")) void notebook.openFile(file);
  else notice(`${file.name} is no notebook; a notebook is a file ending in .html.`);
});

addEventListener("hashchange", () => void notebook.openLink());
await notebook.openLink();
void keepOffline();
