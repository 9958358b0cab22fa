import * as z from 'zod';
import { normalizeTxnId } from '../../core/postback-request.ts';
import { refuse } from '../validation.ts';
import { entityId, moment, word } from './common.ts';
import { patchFields } from './conversion.ts';

const MATCHES = ['id', 'txn_id', 'click_id'] as const;
const CHANGES = ['status', 'sale_amount', 'payout', 'revenue'] as const;
const OF_UNMATCHED = ['advertiser_id', 'from', 'to'] as const;

/** As it is stored. What none can be is no mistake: lists of other systems may name what we never had. */
const key = z.string().min(1).max(512).transform(normalizeTxnId);
const idKey = key.transform((text) => text.toLowerCase());

const item = z.strictObject({
  id: idKey.optional(),
  txn_id: key.optional(),
  click_id: idKey.optional(),
  goal: word.nullable().default(null),
  campaign_id: entityId.nullable().default(null),
  ...patchFields,
});

export const bulkChange = z
  .strictObject({
    match: z.enum(MATCHES),
    items: z.array(item).max(1_000),
    unmatched: z.enum(['keep', 'approve', 'reject']).default('keep'),
    advertiser_id: entityId.nullable().default(null),
    from: moment.nullable().default(null),
    to: moment.nullable().default(null),
    dry_run: z.boolean().default(false),
  })
  .superRefine((order, ctx) => {
    const { match, items, unmatched, from, to } = order;
    for (const [i, given] of items.entries()) {
      for (const name of MATCHES) {
        if (name === match && given[name] === undefined)
          refuse(ctx, ['items', i, name], 'REQUIRED', `match is ${match}`);
        if (name !== match && given[name] !== undefined) {
          refuse(ctx, ['items', i, name], 'UNKNOWN_FIELD', `match is ${match}`);
        }
      }
      if (CHANGES.every((name) => given[name] === undefined)) {
        refuse(ctx, ['items', i], 'REQUIRED', `one of ${CHANGES.join(', ')} is required`);
      }
    }
    if (unmatched === 'keep') return;
    for (const name of OF_UNMATCHED) {
      if (order[name] === null) refuse(ctx, [name], 'REQUIRED', `"${unmatched}" must say whose and of which time`);
    }
    if (from !== null && to !== null && to <= from) refuse(ctx, ['to'], 'ENDS_BEFORE_START', 'must be later than from');
  });
