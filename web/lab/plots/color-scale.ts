/**
 * Numbers from 0 to 1 as colors of a sequential scale that runs evenly in lightness, so it reads the same in grey and
 * for any color vision. Two scales per appearance: a colored one, and a grey one for what should stand back.
 */
type Appearance = "light" | "dark";
type Rgb = readonly [number, number, number];

const stops: Record<Appearance, { color: readonly string[]; grey: readonly string[] }> = {
  light: {
    color: ["#f3f1ec", "#cfe0e6", "#8fbfd8", "#4a93c4", "#1f65a6", "#123f7d", "#0a2350"],
    grey: ["#f3f1ec", "#e2dfd8", "#c5c1b8", "#a29e94", "#7d7970", "#5a564f", "#3a3733"],
  },
  dark: {
    color: ["#1b1f24", "#17344a", "#175078", "#2373a8", "#479bd0", "#8cc8ec", "#e4f4ff"],
    grey: ["#1b1f24", "#2a2e33", "#41454a", "#5f6368", "#83868a", "#aaacb0", "#dcdde0"],
  },
};

const steps = 256;

/** 256 colors as little-endian RGBA words, ready for ImageData. */
export function colorTable(appearance: Appearance, kind: "color" | "grey"): Uint32Array {
  const own = stops[appearance][kind].map(parse);
  return Uint32Array.from({ length: steps }, (_, step) => {
    const position = (step / (steps - 1)) * (own.length - 1);
    const below = Math.min(Math.floor(position), own.length - 2);
    const [r, g, b] = own[below]!.map((value, channel) => {
      return Math.round(value + (position - below) * (own[below + 1]![channel]! - value));
    }) as [number, number, number];
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

export function cssColor(word: number): string {
  return `rgb(${word & 255} ${(word >> 8) & 255} ${(word >> 16) & 255})`;
}

function parse(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

/** Whether white reads better on that color than black does (relative luminance below 0.18). */
export function isDark(word: number): boolean {
  const [r, g, b] = [word & 255, (word >> 8) & 255, (word >> 16) & 255].map((channel) => (channel / 255) ** 2.2);
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! < 0.18;
}
