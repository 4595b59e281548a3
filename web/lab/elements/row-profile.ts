/**
 * What one query looks at: its place in the text, its strongest keys with their weights, and how much of its attention
 * the kept entries hold. Stands beside the heat map and follows its cursor.
 */
import { html, nothing, type TemplateResult } from "lit";

export interface RowProfileOptions {
  weights: Float32Array;
  n: number;
  row: number;
  column: number;
  tokens?: readonly string[];
  keptMask: Uint8Array | undefined;
}

const strongest = 8;
const wordsBefore = 12;

export function rowProfile(options: RowProfileOptions): TemplateResult {
  const { weights, n, row, column, tokens, keptMask } = options;
  const own = weights.subarray(row * n, (row + 1) * n);
  const top = largest(own, strongest);
  const kept = (key: number): boolean => keptMask?.[row * n + key] === 1;
  const held = own.reduce((sum, weight, key) => sum + (kept(key) ? weight : 0), 0);
  const keptCount = keptMask === undefined ? 0 : count(keptMask.subarray(row * n, (row + 1) * n));
  const before = tokens?.slice(Math.max(0, row - wordsBefore), row).join("");
  return html`
    <section class="profile" aria-label="The query under the cursor">
      <h3>Query ${row}</h3>
      ${tokens === undefined ? nothing : html` <p class="profile-text">…${before}<mark>${tokens[row]}</mark></p> `}
      <h4>attends most to</h4>
      <ol>
        ${top.map(
          (key) => html`
            <li ?data-dropped=${keptMask !== undefined && !kept(key)} ?data-cursor=${key === column}>
              <span class="profile-key">${word(tokens?.[key], key)}</span>
              <span class="profile-bar" style=${`--share:${(own[key]! / own[top[0]!]!).toFixed(4)}`}></span>
              <span class="profile-weight">${format(own[key]!)}</span>
            </li>
          `,
        )}
      </ol>
      <p class="profile-cursor" role="status">
        Key ${tokens === undefined ? column : word(tokens[column], column)}:
        ${
          column > row
            ? "later than the query, not visible"
            : html`weight
                <b>${format(own[column]!)}</b>${keptMask === undefined ? "" : kept(column) ? ", kept" : ", dropped"}`
        }
      </p>
      ${
        keptMask === undefined
          ? nothing
          : html`
              <p>
                The ${keptCount} kept ${keptCount === 1 ? "entry holds" : "entries hold"}
                <b>${(100 * held).toFixed(1)} %</b>
                of this query's attention.
              </p>
            `
      }
    </section>
  `;
}

/** Positions of the largest entries, largest first. */
function largest(values: Float32Array, wanted: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; ++i) {
    const value = values[i]!;
    if (value <= 0 || (found.length === wanted && value <= values[found[wanted - 1]!]!)) continue;
    let at = found.length;
    while (at > 0 && values[found[at - 1]!]! < value) --at;
    found.splice(at, 0, i);
    if (found.length > wanted) found.pop();
  }
  return found;
}

function count(mask: Uint8Array): number {
  return mask.reduce((sum, flag) => sum + flag, 0);
}

function word(token: string | undefined, position: number): TemplateResult {
  const shown = token === undefined ? "" : token.replaceAll("\n", "⏎").trim() || "␣";
  return html`<q>${shown}</q> <small>${position}</small>`;
}

function format(weight: number): string {
  if (weight === 0 || weight >= 0.001) return weight === 0 ? "0" : weight.toFixed(3);
  const [digits, exponent] = weight.toExponential(1).split("e-") as [string, string];
  return `${digits}·10⁻${Array.from(exponent, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")}`;
}
