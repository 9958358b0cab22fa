import { openCountryDatabase } from '../adapters/mmdb/country-database.ts';
import { countryCode } from '../core/visitor/country.ts';
import { describeError, log } from '../runtime/log.ts';
import type { CountryLookup } from './visitor.ts';

/**
 * Looks countries up in the operator's database, a file; undefined: there is none. Knows no country, and says so in one
 * line of the log, if the file is missing or broken.
 */
export function createCountryLookup(path: string | undefined): CountryLookup {
  let lookup: CountryLookup = unknown;
  const giveUp = (error: unknown): null => {
    log('country_database_broken', describeError(error));
    lookup = unknown;
    return null;
  };
  if (path !== undefined) {
    openCountryDatabase(path).then((read) => {
      lookup = (address) => countryCode(read(address));
    }, giveUp);
  }
  return (address) => {
    try {
      return lookup(address);
    } catch (error) {
      return giveUp(error);
    }
  };
}

const unknown = (): null => null;
