import * as z from 'zod';
import { couponKey } from '../../core/coupons.ts';
import { isPlaceholder } from '../../core/postback-request.ts';
import { refuse } from '../validation.ts';
import { entityId, printable } from './common.ts';

const MAX_COUPONS = 1_000;

const code = printable
  .trim()
  .min(1)
  .max(64)
  .superRefine((text, ctx) => {
    // It would never be found: in a call such a value stands for none.
    if (isPlaceholder(text)) refuse(ctx, [], 'NOT_ALLOWED', 'stands for a value that is missing');
  });

/** A campaign's coupons; customers type a code in any case. */
export const coupons = z
  .array(z.strictObject({ code, publisher_id: entityId }))
  .max(MAX_COUPONS)
  .superRefine((list, ctx) => {
    const seen = new Set<string>();
    for (const [i, coupon] of list.entries()) {
      const key = couponKey(coupon.code);
      if (seen.has(key)) refuse(ctx, [i, 'code'], 'NOT_UNIQUE', 'another coupon has the same code');
      seen.add(key);
    }
  })
  .default([]);
