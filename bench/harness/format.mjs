// Numbers as the tables show them.

/** Three significant digits, without an exponent for the sizes that occur here. */
export function short(number) {
  if (number === undefined || number === null) return "";
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : Math.abs(number) >= 1 ? 2 : 3;
  return number.toFixed(digits);
}

export const percent = (share) => (share === undefined ? "" : `${Math.round(share * 100)} %`);
export const times = (factor) => (factor === undefined ? "" : `${factor.toFixed(2)}x`);
export const scientific = (number) => (typeof number === "number" && number > 0 ? number.toExponential(1) : "");
