import ipaddr from 'ipaddr.js';
import * as z from 'zod';
import { PARAMETER_ALIASES, PARAMETER_NAMES } from '../../core/postback-request.ts';
import { refuse } from '../validation.ts';
import { boundedRecord, displayName, entityId, entityStatus, time, unique } from './common.ts';
import { securityToken } from './party.ts';

const TAKEN = new Set([...PARAMETER_NAMES, ...[...PARAMETER_ALIASES.values()].flat()]);

const parameterName = z.string().regex(/^[A-Za-z0-9_.[\]-]{1,64}$/, 'must be 1 to 64 letters, digits, or any of _.[]-');

const parameters = z
  .partialRecord(z.enum(PARAMETER_NAMES), z.array(parameterName).min(1).max(10))
  .superRefine((map, ctx) => {
    const seen = new Set<string>();
    for (const [name, aliases = []] of Object.entries(map)) {
      for (const [i, alias] of aliases.entries()) {
        if (TAKEN.has(alias)) refuse(ctx, [name, i], 'NOT_UNIQUE', 'is the name of a parameter of ours');
        else if (seen.has(alias)) refuse(ctx, [name, i], 'NOT_UNIQUE', 'stands for another parameter already');
        seen.add(alias);
      }
    }
  })
  .transform((map) =>
    Object.fromEntries(Object.entries(map).map(([name, aliases]): [string, string[]] => [name, aliases ?? []])),
  );

const address = z.string().superRefine((text, ctx) => {
  if (ipaddr.isValid(text) ? isCanonical(text) : ipaddr.isValidCIDR(text)) return;
  refuse(ctx, [], 'INVALID_ADDRESS', 'must be an IP address or a CIDR range');
});

/** The library also reads `127.1` and octal numbers, which mean something else to others. */
function isCanonical(text: string): boolean {
  return text.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(text);
}

const statusWord = z
  .string()
  .min(1)
  .max(64)
  .refine((text) => text === text.trim().toLowerCase(), 'must be lower case and without spaces around it');

export const senderSchema = z.strictObject({
  name: displayName,
  status: entityStatus,
  advertiser_ids: z.union([z.literal('all'), unique(z.array(entityId).min(1).max(50))]),
  token_required: z.boolean().default(true),
  parameters: parameters.default({}),
  status_map: boundedRecord(z.record(statusWord, z.enum(['approved', 'pending', 'rejected'])).default({}), 100),
  ip_allow_list: z.array(address).max(100).default([]),
  response_mode: z.enum(['status', 'always_200']).default('status'),
  decimals: z.union([z.literal('currency'), z.literal(6)]).default('currency'),
});

export const newTokenSchema = z.strictObject({
  security_token: securityToken.optional(),
  expires_at: time.nullable().default(null),
});
