// The simulations: one file of protocols/ for each, with the sweeps that make its tables, what its page says of them, its
// figure, and a quick version of it all.
//
//   node tests/studies/simulations.mjs                 makes the tables that do not stand, and every figure
//   node tests/studies/simulations.mjs E3 E5-gamma     of these protocols or tables only
//   node tests/studies/simulations.mjs --again E3      makes them even if they stand
//   node tests/studies/simulations.mjs --quick         small sweeps of all protocols, held to their criteria, in minutes
//   node tests/studies/simulations.mjs --figures       draws the figures again, from the tables
//
// Every table is one `heed sweep`, and says as which in its first line: a table stands when that is the command it would
// be made with. A table is written when its sweep is done, so that a run which is stopped goes on where it was.

import { spawn } from "node:child_process";
import { readdirSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

import { figure } from "./figure.mjs";
import { maps } from "./maps.mjs";
import { argumentsOf, commandOf, fileOf, rowsOf } from "./tables.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = fileURLToPath(new URL("../../dist/heed.js", import.meta.url));
const pages = new URL("../../cpp/simulate/results/", import.meta.url);

const files = readdirSync(new URL("protocols/", import.meta.url)).filter((file) => file.endsWith(".mjs"));
const numberOf = (id) => Number(id.slice(1));

/** In the order of their numbers: { id, tables, quick, claims, figures, heatMaps }. */
export const protocols = (
  await Promise.all(files.map(async (file) => (await import(`./protocols/${file}`)).default))
).sort((a, b) => numberOf(a.id) - numberOf(b.id));

/** Name of a table to the arguments of its sweep. */
export const tables = Object.assign({}, ...protocols.map((each) => each.tables));

/** Six digits are more than a sample knows, and keep the files small. */
const shortened = (csv) =>
  csv.replace(/-?\d+\.\d+(e[+-]?\d+)?/g, (number) => String(Number(Number(number).toPrecision(6))));

/** The CSV of a sweep. */
async function sweep(settings) {
  const child = spawn(process.execPath, [program, ...argumentsOf(settings)], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [parts, errors] = [[], []];
  child.stdout.on("data", (part) => parts.push(part));
  child.stderr.on("data", (part) => errors.push(part));
  const status = await new Promise((resolve) => child.on("close", resolve));
  if (status !== 0) throw new Error(Buffer.concat(errors).toString().trim());
  return Buffer.concat(parts).toString();
}

const seconds = (since) => (performance.now() - since) / 1000;

/** Whether the table is there, made by the command that would make it now. */
function stands(name) {
  if (!existsSync(fileOf(name))) return false;
  return readFileSync(fileOf(name), "utf8").split("\n", 1)[0] === commandOf(tables[name]);
}

async function makeTables(names) {
  const began = performance.now();
  for (const [i, name] of names.entries()) {
    const start = performance.now();
    process.stdout.write(`[${i + 1}/${names.length}] ${name} `);
    const csv = await sweep(tables[name]).catch((error) => {
      throw new Error(`${name}: ${error.message}`);
    });
    mkdirSync(new URL("results/", import.meta.url), { recursive: true });
    writeFileSync(`${fileOf(name)}.part`, `${commandOf(tables[name])}\n${shortened(csv)}`);
    renameSync(`${fileOf(name)}.part`, fileOf(name));
    console.log(`${seconds(start).toFixed(1)} s, ${seconds(began).toFixed(0)} s in all`);
  }
}

/** Every figure of these protocols as a file name and its SVG. */
export const figuresOf = (some) =>
  some.flatMap(({ figures = {}, heatMaps = {} }) => [
    ...Object.entries(figures).map(([name, make]) => [`${name}.svg`, figure(make())]),
    ...Object.entries(heatMaps).map(([name, make]) => [`${name}.svg`, maps(make())]),
  ]);

/** Of the protocols whose tables all stand. */
function drawFigures(all) {
  const some = all.filter((each) => Object.keys(each.tables).every(stands));
  for (const [name, svg] of figuresOf(some)) writeFileSync(new URL(name, pages), svg);
}

/** Small sweeps, each held to what must be true of it at any size. */
async function runQuick(some) {
  const began = performance.now();
  for (const { id, quick } of some) {
    const start = performance.now();
    for (const { args, holds, prepare } of quick) {
      prepare?.();
      const rows = rowsOf(await sweep([id, ...args]));
      if (rows.length === 0) throw new Error(`${commandOf([id, ...args])} gave no rows`);
      for (const row of rows) if (row.violations > 0) throw new Error(`${id}: ${JSON.stringify(row)}`);
      holds?.(rows);
    }
    console.log(`${id}  ${seconds(start).toFixed(1)} s, ${seconds(began).toFixed(0)} s in all`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean" }, again: { type: "boolean" }, figures: { type: "boolean" } },
  });
  const wanted = (name) =>
    positionals.length === 0 || positionals.some((each) => [name, name.split("-")[0]].includes(each));
  const some = protocols.filter(({ id, tables: own }) => [id, ...Object.keys(own)].some(wanted));
  if (some.length === 0)
    throw new Error(`there is no ${positionals.join(", ")}; ${protocols.map(({ id }) => id).join(", ")}`);
  if (values.quick) await runQuick(some);
  else {
    const names = Object.keys(tables).filter(wanted);
    const missing = names.filter((name) => !values.figures && (values.again || !stands(name)));
    if (missing.length < names.length) console.log(`${names.length - missing.length} of ${names.length} tables stand`);
    await makeTables(missing);
    drawFigures(some);
  }
}
