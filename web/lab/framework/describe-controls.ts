/**
 * Names for what the libraries leave nameless to a screen reader: the slider half of `Inputs.range` (its number field
 * has the label), and plots, which are one image with a description instead of many labelled groups without a role.
 */
export function describeControls(root: ParentNode): void {
  for (const slider of root.querySelectorAll<HTMLInputElement>("form input[type=range]:not([aria-label])")) {
    const label = slider.closest("form")?.querySelector("label")?.textContent?.trim();
    slider.setAttribute("aria-label", label === undefined || label === "" ? "value" : `${label}, slider`);
  }
  for (const plot of root.querySelectorAll("svg[class*=plot]:not([role])")) {
    plot.setAttribute("role", "img");
    if (!plot.hasAttribute("aria-label")) {
      plot.setAttribute("aria-label", plot.closest("lab-figure")?.getAttribute("heading") ?? "plot");
    }
    for (const part of plot.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
  }
  for (const choice of root.querySelectorAll<HTMLInputElement>("form input[type=radio], form input[type=checkbox]")) {
    const group = choice.closest("div");
    if (group === null || group.hasAttribute("role")) continue;
    group.setAttribute("role", "group");
    const heading = group.previousElementSibling;
    if (heading instanceof HTMLLabelElement) group.setAttribute("aria-label", heading.textContent?.trim() ?? "");
  }
}
