/** One line of CSV (RFC 4180) without its end; what is no scalar becomes JSON. */
export function csvLine(values: readonly unknown[]): string {
  return values.map(cell).join(',');
}

/** Also what is guarded already, so that one guard can be taken off again. */
export const FORMULA = /^'*[=+\-@\t\r]/;
const NUMBER = /^[+-]?\d+(\.\d+)?$/;

function cell(value: unknown): string {
  const text = textOf(value);
  // A spreadsheet would run what publishers and visitors wrote into our fields.
  const harmless = FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
