/** Puts the page together: the notebook that the document names, the header's wishes, and nothing else. */
import "@observablehq/inputs/dist/index.css";
import "./style/index.css";
import { LabHeader } from "./elements/lab-header.js";
import { LabNotebook, type NotebookModule } from "./elements/lab-notebook.js";
import { LabStatus } from "./elements/lab-status.js";

// By name and here: the package says that its modules have no side effects, so a bundler drops imports for effect
// alone.
customElements.define("lab-header", LabHeader);
customElements.define("lab-notebook", LabNotebook);
customElements.define("lab-status", LabStatus);

const notebooks = import.meta.glob<NotebookModule>("./notebooks/*.html", { query: "?notebook" });

const notebook = document.querySelector("lab-notebook");
if (!(notebook instanceof LabNotebook)) throw new Error("the document has no <lab-notebook>");

const name = notebook.dataset["name"] ?? "";
const load = notebooks[`./notebooks/${name}.html`];
if (load === undefined) throw new Error(`there is no notebook named ${name}`);
notebook.load(await load(), name);

document.addEventListener("lab-code", (event) => notebook.showSource((event as CustomEvent<boolean>).detail));
document.addEventListener("lab-download", () => void notebook.download());
document.addEventListener("lab-reset", () => notebook.reset());
