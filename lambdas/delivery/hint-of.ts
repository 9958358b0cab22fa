import type { SQSRecord } from 'aws-lambda';
import { parseDeliveryHint } from '../adapters/sqs/hints.ts';
import { MalformedMessage } from '../runtime/batch.ts';

/** Which delivery a message asks to look at. Throws {@link MalformedMessage}. */
export function hintOf({ body, attributes }: SQSRecord): { readonly deliveryId: string; readonly postbackId: string } {
  const deliveryId = parseDeliveryHint(body);
  if (deliveryId === null) throw new MalformedMessage(`no hint: ${body.slice(0, 100)}`);
  return { deliveryId, postbackId: attributes.MessageGroupId ?? deliveryId };
}
