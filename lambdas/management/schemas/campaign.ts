import * as z from 'zod';
import { EXPOSABLE_MACROS } from '../../core/macros.ts';
import { parseHostPattern } from '../../core/url-rules.ts';
import { refuse } from '../validation.ts';
import { caps } from './caps.ts';
import {
  attributionWindowDays,
  currency,
  destinationUrl,
  displayName,
  entityId,
  entityStatus,
  positiveAmount,
  time,
  unique,
  word,
} from './common.ts';
import { coupons } from './coupons.ts';
import { payoutModel, revenueModel } from './models.ts';
import { overrides } from './overrides.ts';
import { targeting } from './targeting.ts';

const goalSchema = z.strictObject({
  id: entityId.optional(),
  name: displayName.optional(),
  default: z.boolean().optional(),
  match: z.array(word).max(50).default([]),
  payout: payoutModel.default({ model: 'none' }),
  revenue: revenueModel.default({ model: 'none' }),
  dedupe: z.enum(['transaction', 'click']).default('transaction'),
  dedupe_scope: z.enum(['goal', 'campaign', 'advertiser']).default('goal'),
  default_status: z.enum(['approved', 'pending']).default('approved'),
  pixel_status: z.enum(['approved', 'pending']).default('pending'),
  hold_days: z.int().min(0).max(365).default(0),
  accept: unique(z.array(z.enum(['payout', 'revenue'])).max(2)).default([]),
});

const goals = z
  .array(goalSchema)
  .min(1)
  .max(50)
  .superRefine((list, ctx) => {
    const defaults = list.filter((goal) => goal.default === true).length;
    const [first] = list;
    const single = list.length === 1 && first?.default !== false;
    if (list.length > 0 && defaults !== 1 && !single)
      refuse(ctx, [], 'DEFAULT_GOAL', 'exactly one goal must be the default');
    // A sender's word is looked up among ids, names and match words, whatever their case.
    const owners = new Map<string, number>();
    for (const [i, goal] of list.entries()) {
      const words: [string | undefined, (string | number)[]][] = [
        [goal.id, ['id']],
        [goal.name, ['name']],
        ...goal.match.map((match, j): [string, (string | number)[]] => [match, ['match', j]]),
      ];
      for (const [text, path] of words) {
        if (text === undefined) continue;
        const owner = owners.get(text.toLowerCase());
        if (owner === undefined) owners.set(text.toLowerCase(), i);
        else if (owner !== i)
          refuse(ctx, [i, ...path], 'NOT_UNIQUE', 'another goal has the same id, name or match word');
      }
    }
  });

const clickPayout = z.strictObject({ model: z.literal('fixed'), amount: positiveAmount });

const publishers = unique(z.array(entityId).max(1_000)).default([]);

function deepLinkHosts(allowLoopback: boolean) {
  const host = z.string().transform((text, ctx) => {
    const parsed = parseHostPattern(text, { allowLoopback });
    if ('host' in parsed) return parsed.host;
    refuse(ctx, [], 'INVALID_HOST', parsed.problem);
    return z.NEVER;
  });
  return unique(z.array(host).max(100)).default([]);
}

/** What an operator may say of a campaign; defaults that depend on the network's settings are filled in by the route. */
export function createCampaignSchema(allowLoopback: boolean) {
  const url = destinationUrl(allowLoopback);
  return z
    .strictObject({
      name: displayName,
      advertiser_id: entityId,
      status: entityStatus,
      currency: currency.optional(),
      destination_url: url,
      goals,
      unknown_goal: z.enum(['reject', 'record', 'default']).default('reject'),
      payout_basis: z.enum(['conversion', 'click']).default('conversion'),
      overrides,
      coupons,
      click_payout: clickPayout.nullable().default(null),
      visibility: z.enum(['public', 'ask', 'private']).default('public'),
      approved_publishers: publishers,
      blocked_publishers: publishers,
      caps,
      targeting,
      fallback_url: url.nullable().default(null),
      attribution_window_days: attributionWindowDays.optional(),
      minimum_seconds_to_convert: z.int().min(0).max(86_400).default(0),
      // The markers of duplicates are salted by the day: they reach back to yesterday, not further.
      duplicate_click_window_seconds: z.int().min(0).max(86_400).default(0),
      deep_link_hosts: deepLinkHosts(allowLoopback),
      expose: unique(z.array(z.enum(EXPOSABLE_MACROS)).max(EXPOSABLE_MACROS.length)).default([]),
      starts_at: time.nullable().default(null),
      ends_at: time.nullable().default(null),
    })
    .superRefine((campaign, ctx) => {
      const { starts_at, ends_at } = campaign;
      if (starts_at !== null && ends_at !== null && ends_at <= starts_at)
        refuse(ctx, ['ends_at'], 'ENDS_BEFORE_START', 'must be later than starts_at');
      const ids = new Set(campaign.goals.map(({ id }) => id));
      for (const field of ['caps', 'overrides'] as const) {
        for (const [i, { goal }] of campaign[field].entries()) {
          if (goal !== null && !ids.has(goal))
            refuse(ctx, [field, i, 'goal'], 'NOT_FOUND', `the campaign has no goal "${goal}"`);
        }
      }
    });
}
