import type { CounterAdd, CounterUpdate } from '../core/counters.ts';
import type { ClickClaims, SpooledClick, VisitClaim } from '../core/ports.ts';
import { fromClickItem, toClickItem } from './dynamodb/click-item.ts';
import type { Item } from './dynamodb/items.ts';
import { list, object, orNull, text, toBody } from './message.ts';

/** A spooled click as the body of a message, which is also what is left of it in the log. */
export function toClickMessage({ click, claims }: SpooledClick): string {
  return toBody({ click: toClickItem(click), claims: claims && toClaims(claims) });
}

function toClaims({ visit, slots }: ClickClaims) {
  return {
    visit: visit && { key: visit.key, key_before: visit.keyBefore, window_seconds: visit.windowSeconds },
    slots: slots.map(({ key, adds }) => ({
      ...key,
      adds: adds.map(({ attribute, amount, limit }) => ({
        attribute,
        amount: String(amount),
        limit: limit === null ? null : String(limit),
      })),
    })),
  };
}

/** Throws for a body that {@link toClickMessage} did not write. */
export function fromClickMessage(body: string): SpooledClick {
  const { click, claims } = object(JSON.parse(body));
  return { click: fromClickItem(object(click) as Item), claims: orNull(claims, fromClaims) };
}

function fromClaims(value: unknown): ClickClaims {
  const { visit, slots } = object(value);
  return { visit: orNull(visit, fromVisit), slots: list(slots).map(fromSlot) };
}

function fromVisit(value: unknown): VisitClaim {
  const { key, key_before: keyBefore, window_seconds: windowSeconds } = object(value);
  if (typeof windowSeconds !== 'number') throw new TypeError('window_seconds is no number');
  return { key: text(key), keyBefore: orNull(keyBefore, text), windowSeconds };
}

function fromSlot(value: unknown): CounterUpdate {
  const { pk, sk, adds } = object(value);
  return { key: { pk: text(pk), sk: text(sk) }, adds: list(adds).map(fromAdd) };
}

function fromAdd(value: unknown): CounterAdd {
  const { attribute, amount, limit } = object(value);
  return { attribute: text(attribute), amount: integer(amount), limit: orNull(limit, integer) };
}

function integer(value: unknown): bigint {
  if (typeof value !== 'string' || !/^-?\d{1,38}$/.test(value)) throw new TypeError('no whole number');
  return BigInt(value);
}
