import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { CountryResponse } from 'mmdb-lib';

/**
 * Reads a country database as MaxMind (GeoLite2 and GeoIP2, Country and City) and DB-IP publish them. Rejects if it cannot
 * be read. The answer is what the file says of an address; it throws where the file is broken.
 */
export async function openCountryDatabase(path: string): Promise<(address: string) => string | undefined> {
  // Loaded only where there is a database, but read at once: all of this is done before the first event comes.
  const { Reader } = await import('mmdb-lib');
  const reader = new Reader<CountryResponse>(readFileSync(path));
  const versions = reader.metadata.ipVersion === 4 ? [4] : [4, 6];
  return (address) => {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    // The library would look up any text as some address, and an IPv6 address among the IPv4 ones.
    return versions.includes(isIP(plain)) ? reader.get(plain)?.country?.iso_code : undefined;
  };
}
