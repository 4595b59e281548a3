// A table of a run: rows of one shape in one engine, completed with what can only be said beside the other rows.
//
//   shareOfPeak  GFLOP/s over those of the faster multiply-add loop with the same number of threads
//   heedFaster   median of the row over the median of heed's best right row with the same number of threads

/** Completes the rows in place. */
export function compareRows(rows) {
  for (const row of rows) {
    if (!row.milliseconds) continue;
    const beside = rows.filter((other) => other.threads === row.threads && other.milliseconds);
    const peak = Math.max(...beside.filter(({ kind }) => kind === "ceiling").map(({ gflops }) => gflops ?? 0));
    if (row.kind !== "ceiling" && row.gflops && peak > 0) row.shareOfPeak = row.gflops / peak;
    const heed = beside.filter(({ kind }) => kind === "heed").map(({ milliseconds }) => milliseconds.median);
    if (row.kind === "peer" && heed.length > 0) row.heedFaster = row.milliseconds.median / Math.min(...heed);
  }
  return rows;
}
