import * as z from 'zod';

import type { Item } from '../api.ts';

/** What commands read of a delivery themselves; the rest is only shown. */
const delivery = z.looseObject({
  id: z.string(),
  state: z.enum(['waiting', 'sending', 'delivered', 'exhausted', 'cancelled']),
  postback_id: z.string(),
  publisher_id: z.string(),
  next_attempt_at: z.string().nullable(),
  attempts: z.array(
    z.looseObject({
      number: z.number(),
      duration_ms: z.number(),
      status: z.number().nullable(),
      error: z.string().nullable(),
    }),
  ),
});

export type Delivery = z.infer<typeof delivery>;
type Attempt = Delivery['attempts'][number];

export function deliveryOf(item: Item): Delivery {
  return delivery.parse(item);
}

/** Whether nothing more is tried for it by itself. */
export function hasEnded({ state }: Delivery): boolean {
  return state !== 'waiting' && state !== 'sending';
}

/** What the receiver answered, or why it did not. */
export function answerText({ status, error }: Attempt): string {
  return status === null ? (error ?? 'no answer') : String(status);
}
