import * as z from 'zod';
import { checkPostbackUrl } from '../../core/url-rules.ts';
import type { PostbackRules } from '../../core/url-rules.ts';
import { refuse } from '../validation.ts';
import { boundedRecord, entityId, entityStatus, unique, word } from './common.ts';

const conversionStatus = z.enum(['approved', 'pending', 'rejected']);

export function createPostbackSchema(rules: PostbackRules) {
  return z.strictObject({
    publisher_id: entityId.nullable().default(null),
    campaign_id: entityId.nullable().default(null),
    goal: entityId.nullable().default(null),
    url: z.string().superRefine((url, ctx) => {
      const problem = checkPostbackUrl(url, rules);
      if (problem !== null) refuse(ctx, [], 'INVALID_URL', problem);
    }),
    method: z.enum(['GET', 'POST_FORM', 'POST_JSON']).default('GET'),
    mode: z.enum(['add', 'replace']).default('replace'),
    fire_on: unique(z.array(conversionStatus).min(1)).default(['approved']),
    status_words: z
      .partialRecord(conversionStatus, word)
      .default({})
      .transform((words): Record<string, string> => ({ ...words })),
    goal_words: boundedRecord(z.record(entityId, word).default({}), 50),
    status: entityStatus,
  });
}
