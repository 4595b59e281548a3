// Budgets as functions from results to sentences. A budget compares two rows of one table, because only those were
// measured by turns; `limits` are for what does not depend on the machine's speed, such as memory.
//
// A sentence is { kind, text }: kind "kept", "broken", or "open" where nothing was measured that it could speak of.

const measures = {
  milliseconds: { read: ({ milliseconds }) => milliseconds?.median, best: (a, b) => a - b },
  gflops: { read: ({ gflops }) => gflops, best: (a, b) => b - a },
  extraBytes: { read: ({ memory }) => memory?.extraBytes, best: (a, b) => a - b },
  scaling: { read: ({ scaling }) => scaling, best: (a, b) => b - a },
};

function matches(row, { candidate, startsWith, kind, threads }) {
  return (
    row.threads === threads &&
    (candidate === undefined || row.candidate === candidate) &&
    (startsWith === undefined || row.candidate.startsWith(startsWith)) &&
    (kind === undefined || row.kind === kind)
  );
}

/** The rows that a selector names, the right ones best first, and why the others have no number. */
function select(rows, selector, { read, best }) {
  const named = rows.filter((row) => matches(row, selector));
  const right = named.filter((row) => row.verdict === "right" && read(row) !== undefined);
  right.sort((a, b) => best(read(a), read(b)));
  const reasons = named.filter((row) => row.verdict !== "right").map(({ verdict, reason }) => `${verdict}: ${reason}`);
  return { named, right, reasons };
}

function judge(value, { atMost, atLeast }) {
  if (atMost !== undefined) return { kept: value <= atMost, limit: `at most ${atMost}` };
  return { kept: value >= atLeast, limit: `at least ${atLeast}` };
}

function nameOf({ candidate, threads }) {
  return `${candidate} x${threads}`;
}

function judgeTable(budget, table) {
  const { what, measure, of, to } = budget;
  const kind = measures[measure];
  const where = `${table.suite} ${table.shape.name}, ${table.engine}: ${what}`;
  const subject = select(table.rows, of, kind);
  if (subject.named.length === 0) return { kind: "open", text: `${where}: ${nameOf(of)} was not measured` };
  if (subject.right.length === 0) {
    return { kind: "broken", text: `${where}: ${nameOf(of)} has no right answer (${subject.reasons.join("; ")})` };
  }
  const [first] = subject.right;
  let value = kind.read(first);
  let compared = nameOf(first);
  if (to) {
    const object = select(table.rows, to, kind);
    if (object.right.length === 0) {
      return {
        kind: "open",
        text: `${where}: nothing to compare with (${object.reasons.join("; ") || "not measured"})`,
      };
    }
    value /= kind.read(object.right[0]);
    compared += ` over ${nameOf(object.right[0])}`;
  }
  const { kept, limit } = judge(value, budget);
  const number = Number.isInteger(value) ? value : value.toFixed(3);
  return { kind: kept ? "kept" : "broken", text: `${where}: ${number}, ${limit} (${compared})` };
}

/** Every budget against the tables it speaks of. */
export function judgeResults({ ratios, limits }, tables) {
  return [...ratios, ...limits].flatMap((budget) =>
    budget.engines.flatMap((engine) =>
      budget.shapes.map((shape) => {
        const table = tables.find(
          (each) => each.suite === budget.suite && each.engine === engine && each.shape.name === shape,
        );
        if (table) return judgeTable(budget, table);
        return { kind: "open", text: `${budget.suite} ${shape}, ${engine}: ${budget.what}: not measured` };
      }),
    ),
  );
}

/** `sizeOf(file, method)`: bytes after compression; `filesNamed(pattern)`: the files that a pattern stands for. */
export function judgeSizes({ compressed }, { filesNamed, sizeOf }) {
  return compressed.flatMap(({ file: pattern, method, withImports = false, atMost }) => {
    const files = filesNamed(pattern);
    if (files.length === 0) return [{ kind: "broken", text: `${pattern}: there is no such file; run npm run build` }];
    return files.map((file) => {
      const bytes = sizeOf(file, { method, withImports });
      const kept = bytes <= atMost;
      return { kind: kept ? "kept" : "broken", text: `${file}: ${bytes} bytes after ${method}, at most ${atMost}` };
    });
  });
}
