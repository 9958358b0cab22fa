import * as z from 'zod';
import { refuse } from '../validation.ts';
import { entityId, positiveAmount, timeZone } from './common.ts';

const MAX_CAPS = 20;
const COUNTED: ReadonlySet<string> = new Set(['clicks', 'conversions']);
const WHOLE_NUMBER = 'must be a whole number from "1" as a string, at most 12 digits';

const capSchema = z
  .strictObject({
    metric: z.enum(['clicks', 'conversions', 'payout', 'revenue']),
    period: z.enum(['hour', 'day', 'week', 'month', 'total']),
    limit: z
      .string('must be a string as "100" or "2.50"')
      .meta({ description: 'A whole number of clicks or conversions, or an amount' }),
    scope: z.enum(['campaign', 'each_publisher', 'publisher']).default('campaign'),
    publisher_id: entityId.nullable().default(null),
    /** Whether the campaign has it is checked with the campaign. */
    goal: entityId.nullable().default(null),
    time_zone: timeZone.nullable().default(null),
    on_reached: z.enum(['reject', 'pending']).default('reject'),
  })
  .superRefine((cap, ctx) => {
    if (COUNTED.has(cap.metric)) {
      if (!/^[1-9]\d{0,11}$/.test(cap.limit)) refuse(ctx, ['limit'], 'INVALID_LIMIT', WHOLE_NUMBER);
    } else {
      for (const { message } of positiveAmount.safeParse(cap.limit).error?.issues ?? [])
        refuse(ctx, ['limit'], 'INVALID_AMOUNT', message);
    }
    if (cap.scope === 'publisher' && cap.publisher_id === null)
      refuse(ctx, ['publisher_id'], 'REQUIRED', 'a cap of one publisher must name it');
    if (cap.scope !== 'publisher' && cap.publisher_id !== null)
      refuse(ctx, ['publisher_id'], 'NOT_ALLOWED', 'only a cap with the scope "publisher" names one');
    if (cap.metric === 'clicks' && cap.goal !== null) refuse(ctx, ['goal'], 'NOT_ALLOWED', 'clicks have no goal');
    if (cap.metric === 'clicks' && cap.on_reached !== 'reject')
      refuse(ctx, ['on_reached'], 'NOT_ALLOWED', 'only conversions can be pending');
  });

/** A campaign's caps. Two that count the same may differ in what becomes of a conversion: a soft limit below a hard one. */
export const caps = z
  .array(capSchema)
  .max(MAX_CAPS)
  .superRefine((list, ctx) => {
    const seen = new Set<string>();
    for (const [i, { metric, period, scope, publisher_id, goal, time_zone, on_reached }] of list.entries()) {
      const what = JSON.stringify([metric, period, scope, publisher_id, goal, time_zone, on_reached]);
      if (seen.has(what)) refuse(ctx, [i], 'NOT_UNIQUE', 'another cap differs from this one in its limit only');
      seen.add(what);
    }
  })
  .default([]);
