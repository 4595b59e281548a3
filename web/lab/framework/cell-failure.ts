/**
 * What a cell shows in place of its result when it could not be computed. The rest of the page goes on, and the cell
 * can still be edited. A cell that only waits for another one says so in a quieter voice.
 */
import { html } from "htl";

export interface Failure {
  message: string;
  /** The name this cell waits for, when the fault lies in another cell. */
  waitsFor: string | undefined;
}

/** `own`: the names that the cell defines itself. */
export function explain(error: unknown, own: readonly string[]): Failure {
  const { input, code } = (typeof error === "object" && error !== null ? error : {}) as {
    input?: unknown;
    code?: unknown;
  };
  const message = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error && error.name !== "Error" ? `${error.name}: ` : "";
  if (typeof input === "string") {
    const undefinedName = message === `${input} is not defined`;
    if (!undefinedName && !own.includes(input)) return { message, waitsFor: input };
    return {
      message: undefinedName ? `${message}: no cell and no built-in has this name` : message,
      waitsFor: undefined,
    };
  }
  return { message: `${name}${message}${typeof code === "string" ? ` (${code})` : ""}`, waitsFor: undefined };
}

export function failureNode({ message, waitsFor }: Failure): HTMLElement {
  const node = document.createElement("p");
  node.className = "cell-failure";
  if (waitsFor === undefined) {
    node.setAttribute("role", "alert");
    node.append(html`<strong>This cell failed.</strong>` ?? "", ` ${message}`);
  } else {
    node.dataset["waits"] = waitsFor;
    node.append("Waits for ", html`<code>${waitsFor}</code>` ?? "", `, which failed: ${message}`);
  }
  return node;
}
