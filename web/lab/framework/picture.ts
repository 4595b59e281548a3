/**
 * A figure as a file of its own. On the page its colors and fonts come from the style sheet; here every reference to a
 * CSS variable and every `currentColor` is replaced by what it stands for, so that the file looks the same anywhere.
 */
import { appearance } from "./appearance.js";

const variable = /var\((--[\w-]+)\)/g;

export function standaloneSvg(source: SVGSVGElement): string {
  const style = getComputedStyle(source);
  const copy = source.cloneNode(true) as SVGSVGElement;
  const resolve = (text: string): string =>
    text
      .replace(variable, (whole, name: string) => valueOf(style, name) || whole)
      .replaceAll("currentColor", style.color);
  for (const element of [copy, ...copy.querySelectorAll("*")]) {
    for (const { name, value } of [...element.attributes]) {
      if (value.includes("var(") || value.includes("currentColor")) element.setAttribute(name, resolve(value));
    }
    if (element instanceof SVGStyleElement) element.textContent = resolve(element.textContent ?? "");
  }
  const background = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  background.setAttribute("width", "100%");
  background.setAttribute("height", "100%");
  background.setAttribute("fill", valueOf(style, "--paper"));
  copy.prepend(background);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.setAttribute("color", style.color);
  copy.setAttribute("font-family", style.fontFamily);
  return new XMLSerializer().serializeToString(copy);
}

/** The value of a CSS variable; of a color that has two, the one that applies. */
function valueOf(style: CSSStyleDeclaration, name: string): string {
  const value = style.getPropertyValue(name).trim();
  const both = /^light-dark\((.+),(.+)\)$/.exec(value);
  return both === null ? value : both[appearance.current === "light" ? 1 : 2]!.trim();
}

export async function toPng(svgText: string, width: number, height: number, scale = 2): Promise<Blob> {
  const url = URL.createObjectURL(new Blob([svgText], { type: "image/svg+xml" }));
  try {
    const image = new Image(width, height);
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = width * scale;
    canvas.height = height * scale;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => {
      canvas.toBlob(
        (blob) => (blob === null ? reject(new Error("the browser made no picture")) : resolve(blob)),
        "image/png",
      );
    });
  } finally {
    URL.revokeObjectURL(url);
  }
}
