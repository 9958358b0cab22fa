import * as z from 'zod';
import type { ConversionPatch } from '../../core/change-conversion.ts';
import { ENTITY_ID } from '../../core/ids.ts';
import { PARAMETER_NAMES } from '../../core/postback-request.ts';
import { refuse } from '../validation.ts';
import { amount, entityId, printable } from './common.ts';

/** What an operator may change of a conversion. Decimals of the sale's amount are checked when its currency is known. */
export const patchFields = {
  status: z.enum(['approved', 'pending', 'rejected']).optional(),
  sale_amount: amount.optional(),
  payout: amount.optional(),
  revenue: amount.optional(),
  // Publishers may be told it, as {reason}.
  reason: printable.min(1).max(500).nullable().optional(),
};

export const conversionPatch: z.ZodType<ConversionPatch> = z.strictObject(patchFields).superRefine((patch, ctx) => {
  if (Object.keys(patch).length === 0) refuse(ctx, [], 'REQUIRED', 'at least one field is required');
});

const given = z.string().max(2_048);
const CALL_PARAMETERS = [...new Set([...PARAMETER_NAMES, 'campaign_id'])].filter((name) => name !== 'security_token');

const optional: z.ZodType<string | null | undefined> = given.nullable().optional();

/** A merge patch over a call's parameters, and who is meant where the call does not say it. */
export const hitRetry = z
  .strictObject<Record<string, z.ZodType<string | null | undefined>>>({
    ...Object.fromEntries(CALL_PARAMETERS.map((name) => [name, optional])),
    sender_id: entityId.optional(),
    pub_id: entityId.optional(),
  })
  .superRefine(({ pub_id, campaign_id }, ctx) => {
    if (typeof pub_id === 'string' && !ENTITY_ID.test(campaign_id ?? '')) {
      refuse(ctx, ['campaign_id'], 'REQUIRED', "a publisher is named with a campaign's id");
    }
  });

/** What a test does not say: its click says it, or the API key. */
const SAID = new Set(['click_id', 'campaign_id', 'security_token', 'action']);

/** Parameters of a call, read as its own are; null: as if it were left out. */
export const newTestConversion = z
  .strictObject(Object.fromEntries(PARAMETER_NAMES.filter((name) => !SAID.has(name)).map((name) => [name, optional])))
  .transform((parameters) =>
    Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, value ?? ''] as const)),
  );
