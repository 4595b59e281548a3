// What Vitest's reports say of each engine, as a table. The tests themselves write what started and what an engine
// lacked into their report (tests/web/support/engine-report.ts).

/** "6 SharedArrayBuffer, 2 private file system": why tests were skipped. */
function reasons(tests) {
  const counts = new Map();
  for (const { status, meta } of tests) {
    if (status === "passed" || status === "failed") continue;
    const reason = meta?.lacks === undefined ? "no reason given" : `no ${meta.lacks}`;
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts].map(([reason, count]) => `${count}: ${reason}`).join(", ");
}

/** One line for one run. `report`: of Vitest's JSON reporter; `seconds`: of the whole run, its start included. */
function row({ engine, version, report, counts, seconds }) {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const started = tests.find(({ meta }) => meta?.started !== undefined)?.meta.started;
  const [variant, threads] = started === undefined ? ["-", "-"] : [`\`${started.variant}\``, started.threads];
  const why = started?.reason ? ` (${started.reason})` : "";
  const skipped = counts.skipped > 0 ? `${counts.skipped} (${reasons(tests)})` : "0";
  const cells = [
    engine,
    version,
    variant,
    `${threads}${why}`,
    counts.passed,
    counts.failed,
    skipped,
    seconds.toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}

const head = [
  "| engine | version | variant | threads | passed | failed | skipped | s |",
  "| --- | --- | --- | --- | --- | --- | --- | --- |",
];

export const engineTable = (runs) => [...head, ...runs.map(row)].join("\n");

const [begin, end] = ["<!-- npm run engines writes: -->\n", "\n<!-- until here -->"];

/** The page with a new table between its marks. */
export function withTable(page, table) {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`the page has no marks ${begin.trim()} and ${end.trim()}`);
  return page.slice(0, from + begin.length) + table + page.slice(to);
}
