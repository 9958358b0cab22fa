import * as z from 'zod';
import { currencyDecimals } from '../../core/currency.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import { parseMoney, parseSignedMoney } from '../../core/money.ts';
import { checkDestinationUrl } from '../../core/url-rules.ts';
import { refuse } from '../validation.ts';

export const entityId = z.string().regex(ENTITY_ID, 'must be 1 to 64 letters, digits, "-" or "_"');

/** Half a surrogate pair is no UTF-8: what is stored would be another text than the one that was sent. */
export const printable = z.string().regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must have no control characters');

/** A name for people; any script, no control characters. Not trimmed and not escaped: that is for who shows it. */
export const displayName = printable.min(1).max(200).regex(/\S/, 'must not be blank');

/** A word of another system. */
export const word = printable.min(1).max(128);

export const entityStatus = z.enum(['active', 'paused', 'archived']).default('active');

export const metadata = boundedRecord(z.record(z.string().min(1).max(64), z.string().max(512)).default({}), 50);

export const currency = z
  .string()
  .superRefine((code, ctx) => {
    if (currencyDecimals(code) === null) refuse(ctx, [], 'INVALID_CURRENCY', 'must be an ISO 4217 code in upper case');
  })
  .meta({ description: 'ISO 4217 code', pattern: '^[A-Z]{3}$' });

const AMOUNT = 'must be a decimal string as "2.50", at most 12 digits and 6 decimals';

export const amount = z
  .string(AMOUNT)
  .superRefine((text, ctx) => {
    if (parseMoney(text, 6) === null) refuse(ctx, [], 'INVALID_AMOUNT', AMOUNT);
  })
  .meta({ description: 'A decimal as "2.50"', pattern: String.raw`^\d{1,12}(\.\d{1,6})?$` });

export const positiveAmount = amount.superRefine((text, ctx) => {
  if (parseMoney(text, 6) === 0n) refuse(ctx, [], 'INVALID_AMOUNT', 'must be more than zero');
});

const SIGNED = 'must be a decimal string as "2.50" or "-2.50", at most 12 digits and 6 decimals';

/** To micro-units. */
export const signedAmount = z
  .string(SIGNED)
  .meta({ description: 'A decimal as "2.50" or "-2.50"', pattern: String.raw`^-?\d{1,12}(\.\d{1,6})?$` })
  .transform((text, ctx) => {
    const amount = parseSignedMoney(text, 6);
    if (amount !== null) return amount;
    refuse(ctx, [], 'INVALID_AMOUNT', SIGNED);
    return z.NEVER;
  });

/** A name that the runtime knows; kept as it was given. Offsets such as `+01:00` are none: newer runtimes take them. */
export const timeZone = z
  .string()
  .superRefine((name, ctx) => {
    if (!/^[A-Za-z]/.test(name) || !isTimeZone(name))
      refuse(ctx, [], 'INVALID_TIME_ZONE', 'must be an IANA time zone as Europe/Berlin');
  })
  .meta({ description: 'IANA time zone as "Europe/Berlin"' });

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export const attributionWindowDays = z.int().min(1).max(365);

/** ISO 8601 to milliseconds. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a time as in 2026-11-22T23:00:00Z' })
  .transform(toMilliseconds);

/** A date (its start in UTC) or a time, to milliseconds. */
export const moment = z
  .union(
    [z.iso.date(), z.iso.datetime({ offset: true })],
    'must be a date as 2026-11-22 or a time as 2026-11-22T23:00:00Z',
  )
  .transform(toMilliseconds);

const LAST_MOMENT = Date.parse('9999-12-31T23:59:59.999Z');

/** Ids that begin with a time have none before 1970; an offset may lead into years of five digits, which are read nowhere. */
function toMilliseconds(text: string, ctx: z.RefinementCtx): number {
  const milliseconds = Date.parse(text);
  if (milliseconds >= 0 && milliseconds <= LAST_MOMENT) return milliseconds;
  refuse(ctx, [], 'OUT_OF_RANGE', 'must lie in the years 1970 to 9999, in UTC');
  return z.NEVER;
}

export const nothing = z.strictObject({});

export function destinationUrl(allowLoopback: boolean) {
  return z
    .string()
    .superRefine((url, ctx) => {
      const problem = checkDestinationUrl(url, { allowLoopback });
      if (problem !== null) refuse(ctx, [], 'INVALID_URL', problem);
    })
    .meta({ description: 'http or https, with macros as {click_id} after the host' });
}

/** A record with at most so many members. */
export function boundedRecord<T extends z.ZodType<object>>(schema: T, members: number): T {
  return schema.refine((record) => Object.keys(record).length <= members, `must have at most ${members} members`);
}

export function unique<T extends z.ZodType<readonly unknown[]>>(schema: T): T {
  return schema.refine((list) => new Set(list).size === list.length, 'must name each only once');
}
