import * as z from 'zod';
import { countryCode } from '../../core/visitor/country.ts';
import {
  BROWSER_WORDS,
  DEVICE_WORDS,
  normaliseBrowser,
  normaliseDevice,
  normaliseOs,
  OPERATING_SYSTEM_WORDS,
} from '../../core/visitor/words.ts';
import { refuse } from '../validation.ts';
import { unique } from './common.ts';

const MAX_VALUES = 500;

/** Regions by code, as the runtime's ICU data has them. */
const REGIONS = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

/** In upper case. */
export const country = z.string().transform((text, ctx) => {
  const code = /^[A-Za-z]{2}$/.test(text) ? countryCode(text.toUpperCase()) : null;
  const wrong = (message: string) => {
    refuse(ctx, [], 'INVALID_COUNTRY', message);
    return z.NEVER;
  };
  if (code === null || REGIONS.of(code) === undefined) return wrong('must be an ISO 3166 country code, as "US"');
  // A code that is only another name for one, as UK is, would never match a visitor.
  const { region } = new Intl.Locale('und', { region: code });
  return region === code ? code : wrong(`the ISO 3166 code of this country is ${region}`);
});

/** Cutting `pt-BR` to `pt` would target more people than were meant, so a region is refused. */
const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}$/, 'must be a language code of two or three letters without a region, as "en"')
  .toLowerCase();

/** What an operator calls a device, system or browser, to our word for it. */
function known(normalise: (text: string) => string | null, words: readonly string[]) {
  return z.string().transform((text, ctx) => {
    const word = normalise(text);
    if (word !== null) return word;
    refuse(ctx, [], 'UNKNOWN_WORD', `must be one of ${words.join(', ')}`);
    return z.NEVER;
  });
}

export const operatingSystem = known(normaliseOs, OPERATING_SYSTEM_WORDS);

/** As publishers write it. */
export const source = z.string().min(1).max(512);

/** Lists of one thing that is known of a visitor; values are compared as they are kept. */
function rule<T extends z.ZodType<string>>(value: T) {
  const list = unique(z.array(value).max(MAX_VALUES)).default([]);
  return z
    .strictObject({ allow: list, deny: list })
    .superRefine(({ allow, deny }, ctx) => {
      for (const [i, denied] of deny.entries()) {
        if (allow.includes(denied)) refuse(ctx, ['deny', i], 'NOT_UNIQUE', 'the same value is allowed');
      }
    })
    .prefault({});
}

/** Each part is optional; what is left out asks nothing of a visitor. */
export const targeting = z
  .strictObject({
    countries: rule(country),
    devices: rule(known(normaliseDevice, DEVICE_WORDS)),
    os: rule(operatingSystem),
    browsers: rule(known(normaliseBrowser, BROWSER_WORDS)),
    languages: rule(language),
    sources: rule(source),
    unknown: z.enum(['allow', 'deny']).default('allow'),
  })
  .prefault({});
