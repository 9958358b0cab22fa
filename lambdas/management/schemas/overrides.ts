import * as z from 'zod';
import { refuse } from '../validation.ts';
import { entityId, unique } from './common.ts';
import { payoutModel, revenueModel } from './models.ts';
import { country, operatingSystem, source } from './targeting.ts';

const MAX_OVERRIDES = 200;
const MAX_VALUES = 50;

const oneOf = <T extends z.ZodType<string>>(value: T) => unique(z.array(value).max(MAX_VALUES)).default([]);

const overrideSchema = z
  .strictObject({
    publisher_id: entityId.nullable().default(null),
    /** Whether the campaign has it is checked with the campaign. */
    goal: entityId.nullable().default(null),
    when: z
      .strictObject({ countries: oneOf(country), os: oneOf(operatingSystem), sources: oneOf(source) })
      .prefault({}),
    payout: payoutModel.nullable().default(null),
    revenue: revenueModel.nullable().default(null),
  })
  .superRefine(({ payout, revenue }, ctx) => {
    if (payout === null && revenue === null) refuse(ctx, [], 'REQUIRED', 'must say a payout, a revenue or both');
  });

/** A campaign's overrides. Of two with the same conditions one would never count. */
export const overrides = z
  .array(overrideSchema)
  .max(MAX_OVERRIDES)
  .superRefine((list, ctx) => {
    const seen = new Set<string>();
    for (const [i, { publisher_id, goal, when }] of list.entries()) {
      const lists = [when.countries, when.os, when.sources].map((values) => values.toSorted());
      const conditions = JSON.stringify([publisher_id, goal, lists]);
      if (seen.has(conditions)) refuse(ctx, [i], 'NOT_UNIQUE', 'another override has the same conditions');
      seen.add(conditions);
    }
  })
  .default([]);
