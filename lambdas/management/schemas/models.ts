import * as z from 'zod';
import { parsePercent } from '../../core/money.ts';
import { refuse } from '../validation.ts';
import { amount } from './common.ts';

const percent = z
  .string()
  .superRefine((text, ctx) => {
    if (parsePercent(text) === null) refuse(ctx, [], 'INVALID_PERCENT', 'must be a decimal string from "0" to "100"');
  })
  .meta({ description: 'A decimal from "0" to "100"' });

const fixed = z.strictObject({ model: z.literal('fixed'), amount });
const ofAmount = z.strictObject({ model: z.literal('percent'), percent });
const ofRevenue = z.strictObject({ model: z.literal('percent_of_revenue'), percent });
const none = z.strictObject({ model: z.literal('none') });

/** How a conversion's revenue and payout come about; only a payout can be a part of the revenue. */
export const revenueModel = z.discriminatedUnion('model', [fixed, ofAmount, none]);
export const payoutModel = z.discriminatedUnion('model', [fixed, ofAmount, ofRevenue, none]);
