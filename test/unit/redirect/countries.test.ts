import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createCountryLookup } from '../../../lambdas/redirect/countries.ts';
import { catchLogLines } from '../../support/log-lines.ts';
import { encodeMmdb } from '../../support/mmdb.ts';

let directory: string;
let lines: unknown[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flowback-countries-'));
  lines = catchLogLines();
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true });
});

const broken = expect.objectContaining({ level: 'warn', event: 'country_database_broken' }) as unknown;

const write = (file: Buffer): string => {
  const path = join(directory, 'country.mmdb');
  writeFileSync(path, file);
  return path;
};

describe('the countries of visitors', () => {
  it('are unknown without a database', () => {
    expect(createCountryLookup(undefined)('81.2.69.1')).toBeNull();
    expect(lines).toEqual([]);
  });

  it.each([
    ['is missing', undefined],
    ['is no database', Buffer.from('not found')],
  ])('are unknown where the file %s, which is logged once (invariant 1)', async (_, file) => {
    const path = file === undefined ? join(directory, 'none.mmdb') : write(file);

    const countryOf = createCountryLookup(path);
    await vi.waitUntil(() => lines.length > 0);

    expect([countryOf('81.2.69.1'), countryOf('81.2.69.2')]).toEqual([null, null]);
    expect(lines).toEqual([broken]);
  });

  it('are unknown once the file proves to be broken inside, which is logged once (invariant 1)', async () => {
    const file = encodeMmdb([
      ['81.2.69.0/24', { country: { iso_code: 'GB' } }],
      ['89.160.20.0/24', { country: { iso_code: 'SE' } }],
    ]);
    // The type of the first record: an extended one that does not exist.
    const record = file.indexOf('country') - 2;
    const path = write(Buffer.concat([file.subarray(0, record), Buffer.from([0, 0]), file.subarray(record + 2)]));

    const countryOf = createCountryLookup(path);
    await vi.waitUntil(() => countryOf('89.160.20.1') === 'SE');

    expect([countryOf('81.2.69.1'), countryOf('81.2.69.1'), countryOf('89.160.20.1')]).toEqual([null, null, null]);
    expect(lines).toEqual([broken]);
  });

  it('are what the file says, if that is a country', async () => {
    const path = write(
      encodeMmdb([
        ['81.2.69.0/24', { country: { iso_code: 'GB' } }],
        ['89.160.20.0/24', { country: { iso_code: 'ZZ' } }],
        ['2001:db8::/32', { country: { iso_code: 'JP' } }],
      ]),
    );

    const countryOf = createCountryLookup(path);
    await vi.waitUntil(() => countryOf('81.2.69.1') === 'GB');

    expect(countryOf('2001:db8::1')).toBe('JP');
    expect(countryOf('89.160.20.1')).toBeNull();
    expect(countryOf('10.0.0.1')).toBeNull();
    expect(lines).toEqual([]);
  });
});
