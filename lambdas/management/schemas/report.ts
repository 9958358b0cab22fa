import * as z from 'zod';
import { isObject } from '../../core/merge-patch.ts';
import { knownNames, tokenNames } from '../../core/postback-request.ts';
import { readJsonArray, readJsonCall, readJsonObject } from '../../core/received-call.ts';
import type { ReceivedCall } from '../../core/received-call.ts';
import type { ApiRequest } from '../http.ts';
import { Problem } from '../problems.ts';
import { refuse, validate } from '../validation.ts';

/** Names that an item may have: the main ones and those that are always accepted as well. */
export const REPORT_NAMES: ReadonlySet<string> = new Set(
  [...knownNames(null)].filter((name) => !tokenNames(null).includes(name)),
);

/** Of an item only the names of its members are looked at here: what they hold is judged item by item. */
const item = z.unknown().superRefine((value, ctx) => {
  for (const name of isObject(value) ? Object.keys(value) : []) {
    if (!REPORT_NAMES.has(name)) refuse(ctx, [name], 'UNKNOWN_FIELD', 'There is no such field');
  }
});

const items = z.array(item).min(1).max(100);

/**
 * The items of a batch, `{"items": [...]}` or a bare array, each read as the body of a postback is. Throws a Problem if the
 * body is no such list.
 */
export function readReports({ body, text }: Pick<ApiRequest, 'body' | 'text'>): readonly ReceivedCall[] {
  if (Array.isArray(body)) {
    validate(items, body);
    return readJsonArray(text).map(readJsonCall);
  }
  validate(z.strictObject({ items }), body);
  const [list, ...more] = readJsonObject(text) ?? [];
  if (list === undefined || more.length > 0) throw new Problem(400, 'MALFORMED_REQUEST', 'items is given twice');
  return readJsonArray(list.value).map(readJsonCall);
}
