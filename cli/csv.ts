/** One line of CSV (RFC 4180) without its end; what is no scalar becomes JSON. */
export function csvLine(values: readonly unknown[]): string {
  return values.map(cell).join(',');
}

const NUMBER = /^[+-]?\d+(\.\d+)?$/;

function cell(value: unknown): string {
  const text = textOf(value);
  // A spreadsheet would run what publishers and visitors wrote into our fields.
  const harmless = /^[=+\-@\t\r]/.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
