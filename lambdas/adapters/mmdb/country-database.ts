import { readFileSync } from 'node:fs';
import { Reader } from 'mmdb-lib';
import type { CountryResponse } from 'mmdb-lib';

/**
 * Reads a country database as MaxMind (GeoLite2 and GeoIP2 Country and City) and DB-IP publish them. Throws if it cannot be
 * read. The answer is as the file has it, undefined if it does not know the address.
 */
export function openCountryDatabase(path: string): (address: string) => string | undefined {
  const reader = new Reader<CountryResponse>(readFileSync(path));
  return (address) => reader.get(address)?.country?.iso_code;
}
