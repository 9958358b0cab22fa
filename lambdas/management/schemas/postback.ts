import * as z from 'zod';
import { POSTBACK_MACROS } from '../../core/macros.ts';
import type { PostbackMacro } from '../../core/macros.ts';
import { checkPostbackUrl } from '../../core/url-rules.ts';
import type { PostbackRules } from '../../core/url-rules.ts';
import { refuse } from '../validation.ts';
import { boundedRecord, entityId, moment, unique, word } from './common.ts';

const conversionStatus = z.enum(['approved', 'pending', 'rejected']);
const fireOn = z.enum([...conversionStatus.options, 'click_payout']);

export function createPostbackSchema(rules: PostbackRules) {
  return z
    .strictObject({
      publisher_id: entityId.nullable().default(null),
      campaign_id: entityId.nullable().default(null),
      goal: entityId.nullable().default(null),
      url: z
        .string()
        .superRefine((url, ctx) => {
          const problem = checkPostbackUrl(url, rules);
          if (problem !== null) refuse(ctx, [], 'INVALID_URL', problem);
        })
        .meta({ description: 'http or https at a public address, with macros as {p1} after the host' }),
      method: z.enum(['GET', 'POST_FORM', 'POST_JSON']).default('GET'),
      mode: z.enum(['add', 'replace']).default('replace'),
      fire_on: unique(z.array(fireOn).min(1)).default(['approved']),
      status_words: z
        .partialRecord(conversionStatus, word)
        .default({})
        .transform((words): Record<string, string> => ({ ...words })),
      goal_words: boundedRecord(z.record(entityId, word).default({}), 50),
      status: z.enum(['active', 'paused', 'archived', 'disabled']).default('active'),
    })
    .superRefine(({ goal, fire_on: on }, ctx) => {
      if (goal === null || on.some((fires) => fires !== 'click_payout')) return;
      refuse(
        ctx,
        ['goal'],
        'INVALID_VALUE',
        'a click has no goal: a postback that fires for clicks only must have none',
      );
    });
}

/** Whose conversions it tells must be said: one of all publishers by oversight would tell each of them all. */
export function createNewPostbackSchema(rules: PostbackRules) {
  return createPostbackSchema(rules).safeExtend({ publisher_id: entityId.nullable() });
}

const macroValue = z.string().max(512).optional();
const macroValues = z.strictObject({
  ...(Object.fromEntries([...POSTBACK_MACROS].map((name) => [name, macroValue])) as Record<
    PostbackMacro,
    typeof macroValue
  >),
  event: z.enum(['created', 'status_changed', 'click_payout']).optional(),
});

/** Macro values, flat or under `values` or `macros`, as other trackers have it. */
export const postbackTest = macroValues
  .extend({ values: macroValues.optional(), macros: macroValues.optional() })
  .transform(({ values, macros, ...flat }) => ({ ...values, ...macros, ...flat }));

export const postbackReplay = z.strictObject({
  since: moment.optional(),
  cursor: z.string().max(1_000).optional(),
});
