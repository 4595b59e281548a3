/**
 * Colors by name. The values live in style/colors.css, one set for light and one for dark, each readable as text on the
 * page's background and told apart by readers with any kind of color vision (they differ in lightness, too).
 */
export const seriesColors = [
  "var(--series-1)",
  "var(--series-2)",
  "var(--series-3)",
  "var(--series-4)",
  "var(--series-5)",
];

export const ink = { text: "var(--text)", quiet: "var(--text-quiet)", rule: "var(--rule)", mark: "var(--accent)" };

/** What every plot of the lab has in common. */
export const plotStyle = {
  fontFamily: "var(--sans-serif)",
  fontSize: "12px",
  color: "var(--text-quiet)",
  background: "transparent",
  overflow: "visible",
};
