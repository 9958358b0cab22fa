import type { PixelHit } from '../core/pixel-hit.ts';
import type { Received, ReceivedCall } from '../core/received-call.ts';
import { list, object, orNull, text, toBody } from './message.ts';

/** A browser's call as the body of a message, which is also what is left of it in the log. */
export function toPixelMessage({ id, receivedAt, route, call, cookieClickId }: PixelHit): string {
  return toBody({ id, received_at: receivedAt, route, call, cookie_click_id: cookieClickId });
}

/** Throws for a body that {@link toPixelMessage} did not write. */
export function fromPixelMessage(body: string): PixelHit {
  const { id, received_at: receivedAt, route, call, cookie_click_id: cookieClickId } = object(JSON.parse(body));
  if (typeof receivedAt !== 'number') throw new TypeError('received_at is no number');
  return {
    id: text(id),
    receivedAt,
    route: text(route),
    call: fromCall(call),
    cookieClickId: orNull(cookieClickId, text),
  };
}

function fromCall(value: unknown): ReceivedCall {
  const { query, body, bearer, unreadable } = object(value);
  return {
    query: list(query).map(fromReceived),
    body: list(body).map(fromReceived),
    bearer: orNull(bearer, text),
    unreadable: orNull(unreadable, text),
  };
}

function fromReceived(value: unknown): Received {
  const { name, value: sent, kind } = object(value);
  if (kind !== 'text' && kind !== 'number' && kind !== 'structure') throw new TypeError('no kind of a parameter');
  return { name: text(name), value: text(sent), kind };
}
