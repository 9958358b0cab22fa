import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openCountryDatabase } from '../../../../lambdas/adapters/mmdb/country-database.ts';
import { encodeMmdb } from '../../../support/mmdb.ts';
import type { MmdbEntry } from '../../../support/mmdb.ts';

let directory: string | undefined;

const open = (file: Buffer) => {
  directory = mkdtempSync(join(tmpdir(), 'flowback-mmdb-'));
  const path = join(directory, 'country.mmdb');
  writeFileSync(path, file);
  return openCountryDatabase(path);
};

afterEach(() => {
  if (directory !== undefined) rmSync(directory, { recursive: true });
  directory = undefined;
});

const names = { de: 'Vereinigtes Königreich', en: 'United Kingdom', 'zh-CN': '英国' };
const ENTRIES: readonly MmdbEntry[] = [
  // As GeoLite2 Country, GeoLite2 City and DB-IP have it.
  [
    '81.2.69.0/24',
    { continent: { code: 'EU' }, country: { iso_code: 'GB', names }, registered_country: { iso_code: 'FR' } },
  ],
  [
    '89.160.20.112/28',
    { city: { names: { en: 'Linköping' } }, country: { iso_code: 'SE' }, location: { time_zone: 'Europe/Stockholm' } },
  ],
  ['203.0.113.128/25', { country: { iso_code: 'DE' } }],
  ['198.51.100.0/24', { registered_country: { iso_code: 'US' } }],
  ['2001:db8::/32', { country: { iso_code: 'JP', names } }],
];

describe('a country database', () => {
  it.each([
    '',
    'localhost',
    '<script>',
    '999.1.1.1',
    '81.2.69.1:80',
    '[2001:db8::1]',
    '::ffff:81.2.69',
    '81.2.69.0/24',
  ])('knows nothing of %j, which is no address', async (text) => {
    const countryOf = await open(encodeMmdb(ENTRIES));

    expect(countryOf(text)).toBeUndefined();
  });

  it.each([
    ['81.2.68.255', undefined],
    ['81.2.69.0', 'GB'],
    ['81.2.69.255', 'GB'],
    ['81.2.70.0', undefined],
    ['::ffff:81.2.69.1', 'GB'],
    ['::FFFF:81.2.69.1', 'GB'],
    ['89.160.20.120', 'SE'],
    ['203.0.113.127', undefined],
    ['203.0.113.200', 'DE'],
    ['198.51.100.1', undefined],
    ['2001:db8::1', 'JP'],
    ['2001:db8:ffff:ffff:ffff:ffff:ffff:ffff', 'JP'],
    ['2001:db9::1', undefined],
    ['::1', undefined],
    ['127.0.0.1', undefined],
  ])('places %s in %s', async (address, country) => {
    const countryOf = await open(encodeMmdb(ENTRIES));

    expect(countryOf(address)).toBe(country);
  });

  it('of IPv4 alone takes no IPv6 address for the IPv4 address that it begins with', async () => {
    const countryOf = await open(encodeMmdb([['32.1.0.0/16', { country: { iso_code: 'US' } }]], 4));

    expect(countryOf('32.1.13.184')).toBe('US');
    expect(countryOf('::ffff:32.1.13.184')).toBe('US');
    expect(countryOf('2001:db8::1')).toBeUndefined();
  });

  it('that is missing is refused', async () => {
    await expect(openCountryDatabase(join(tmpdir(), 'flowback-no-such.mmdb'))).rejects.toThrow('ENOENT');
  });

  it.each([
    ['empty', Buffer.alloc(0)],
    ['a web page', Buffer.from('<!doctype html><title>403 Forbidden</title>')],
    ['cut off', encodeMmdb(ENTRIES).subarray(0, -60)],
  ])('that is %s is refused', async (_, file) => {
    await expect(open(file)).rejects.toThrow();
  });
});
