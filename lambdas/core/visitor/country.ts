/** Two letters that are no country: unknown (`XX`, `ZZ`), and old databases' continents (`EU`, `AP`). */
const NO_COUNTRY: ReadonlySet<string> = new Set(['XX', 'ZZ', 'EU', 'AP']);

/** A country's code, two upper-case letters; null if the text is none (`T1` stands for Tor). */
export function countryCode(text: string | undefined): string | null {
  return text !== undefined && /^[A-Z]{2}$/.test(text) && !NO_COUNTRY.has(text) ? text : null;
}
