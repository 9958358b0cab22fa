import * as z from 'zod';
import { refuse } from '../validation.ts';
import { displayName, entityId, time } from './common.ts';

/** What may be changed of a key. */
export const keySchema = z.strictObject({
  name: displayName,
  expires_at: time.nullable().default(null),
});

/** What is shown of a key beside that. */
export const KEY_READ_ONLY = ['id', 'role', 'publisher_id', 'advertiser_id', 'last_used_at', 'status', 'created_at'];

export const newKeySchema = z
  .strictObject({
    id: entityId.optional(),
    name: keySchema.shape.name,
    role: z.enum(['admin', 'manager', 'analyst', 'publisher', 'advertiser']),
    publisher_id: entityId.nullable().default(null),
    advertiser_id: entityId.nullable().default(null),
    expires_at: keySchema.shape.expires_at,
  })
  .superRefine((key, ctx) => {
    for (const role of ['publisher', 'advertiser'] as const) {
      const field = `${role}_id` as const;
      if (key.role === role && key[field] === null) refuse(ctx, [field], 'REQUIRED', `a ${role}'s key must name it`);
      if (key.role !== role && key[field] !== null)
        refuse(ctx, [field], 'NOT_ALLOWED', `only a ${role}'s key is bound`);
    }
  });
