/**
 * The roofline: below min(peak, bandwidth · intensity) lies what a machine allows to an operation that does `intensity`
 * flops for each byte it has to move. Peak and bandwidth are those that loops reached in the same run.
 */
import type { MeasuredTable } from "./run.js";
import type { Row } from "./types.js";

export interface Roof {
  threads: number;
  /** GFLOP/s */
  peak: number;
  /** GB/s */
  bandwidth: number;
  /** The loop that read so fast: how much memory it goes over decides which level answers. */
  reading: string;
}

export interface RooflinePoint {
  name: string;
  kind: Row["kind"];
  threads: number;
  /** Flops per byte. */
  intensity: number;
  gflops: number;
  /** Of what the roof over it allows. */
  share: number | undefined;
}

/** GFLOP/s that the roof allows. */
export function allowed({ peak, bandwidth }: Pick<Roof, "peak" | "bandwidth">, intensity: number): number {
  return Math.min(peak, bandwidth * intensity);
}

/** A roof for each number of threads whose loops were both measured: the best of all tables. */
export function roofsOf(tables: readonly Pick<MeasuredTable, "rows">[]): Roof[] {
  const ceilings = tables
    .flatMap(({ rows }) => rows)
    .filter(({ kind, milliseconds }) => kind === "ceiling" && milliseconds);
  const counts = [...new Set(ceilings.map(({ threads }) => threads))].sort((a, b) => a - b);
  return counts.flatMap((threads) => {
    const own = ceilings.filter((row) => row.threads === threads);
    const peak = Math.max(0, ...own.map(({ gflops }) => gflops ?? 0));
    const bandwidth = Math.max(0, ...own.map(({ gigabytesPerSecond }) => gigabytesPerSecond ?? 0));
    const reading = own.find((row) => row.gigabytesPerSecond === bandwidth)?.candidate ?? "";
    return peak > 0 && bandwidth > 0 ? [{ threads, peak, bandwidth, reading }] : [];
  });
}

/** Every row that was right and timed. */
export function pointsOf(tables: readonly Pick<MeasuredTable, "rows" | "title">[]): RooflinePoint[] {
  const roofs = roofsOf(tables);
  return tables.flatMap(({ rows, title }) =>
    rows.flatMap(({ candidate, kind, variant, threads, intensity, gflops }) => {
      if (kind === "ceiling" || intensity === undefined || gflops === undefined) return [];
      const roof = roofs.find((one) => one.threads === threads);
      const share = roof === undefined ? undefined : gflops / allowed(roof, intensity);
      const name = [candidate, variant, title].filter(Boolean).join(", ");
      return [{ name, kind, threads, intensity, gflops, share }];
    }),
  );
}
