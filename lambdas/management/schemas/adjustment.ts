import * as z from 'zod';
import { currency, entityId, moment, printable, signedAmount } from './common.ts';

export const newAdjustment = z.strictObject({
  publisher_id: entityId,
  campaign_id: entityId,
  goal: entityId.nullable().default(null),
  payout: signedAmount.prefault('0'),
  revenue: signedAmount.prefault('0'),
  currency: currency.nullable().default(null),
  at: moment.nullable().default(null),
  reason: printable.min(1).max(512).regex(/\S/, 'must not be blank'),
});
