import * as z from 'zod';
import { refuse } from '../validation.ts';
import { unique } from './common.ts';

const MAX_VALUES = 500;

/** Regions by code, as the runtime's ICU data has them. */
const REGIONS = new Intl.DisplayNames('en', { type: 'region', fallback: 'none' });

const country = z
  .string()
  .regex(/^[A-Za-z]{2}$/, 'must be a country code of two letters')
  .toUpperCase()
  .superRefine((code, ctx) => {
    // A code that means the same as another, as UK does, would never match a visitor.
    const { region } = new Intl.Locale('und', { region: code });
    if (REGIONS.of(code) === undefined) refuse(ctx, [], 'INVALID_COUNTRY', 'must be an ISO 3166 country code');
    else if (region !== code) refuse(ctx, [], 'INVALID_COUNTRY', `the ISO 3166 code of this country is ${region}`);
  });

/** Cutting `pt-BR` to `pt` would target more people than were meant, so a region is refused. */
const language = z
  .string()
  .regex(/^[A-Za-z]{2,3}$/, 'must be a language code of two or three letters without a region, as "en"')
  .toLowerCase();

const source = z.string().min(1).max(512);

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

const word = z.string().min(1).max(64).toLowerCase();

/** Each part is optional; what is left out asks nothing of a visitor. */
export const targeting = z
  .strictObject({
    countries: rule(country),
    devices: rule(word),
    os: rule(word),
    browsers: rule(word),
    languages: rule(language),
    sources: rule(source),
    unknown: z.enum(['allow', 'deny']).default('allow'),
  })
  .prefault({});
