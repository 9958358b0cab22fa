import type { ApiRequest } from './http.ts';
import type { Filters } from './lists.ts';
import { Problem } from './problems.ts';

/** For whom an API key works that is not the network's own; docs/roles.md says what each may see. */
export type Side = 'publisher' | 'advertiser';

type Holder = Pick<ApiRequest, 'publisherId' | 'advertiserId'>;

/** Null: the network itself, which sees both sides. */
export function sideOf({ publisherId, advertiserId }: Holder): Side | null {
  if (publisherId !== null) return 'publisher';
  return advertiserId === null ? null : 'advertiser';
}

/** Whether a fact is the key's own: to its holder others do not exist. */
export function isOwn(
  { publisherId, advertiserId }: Holder,
  fact: { readonly publisherId: string; readonly advertiserId: string },
): boolean {
  return (
    (publisherId === null || publisherId === fact.publisherId) &&
    (advertiserId === null || advertiserId === fact.advertiserId)
  );
}

/**
 * The filters of a list, bound to what is the key's own. Throws a 403 for somebody else's id, and for a filter on a field
 * that the key's holder does not see: whether something is found would tell it.
 */
export function ownFilters<Filter extends string>(
  filters: Filters<Filter | `${Side}_id`>,
  { publisherId, advertiserId }: Holder,
  hidden: Readonly<Record<Side, readonly (Filter | `${Side}_id`)[]>>,
): Filters<Filter | `${Side}_id`> {
  const side = sideOf({ publisherId, advertiserId });
  if (side === null) return filters;
  const secret = hidden[side].find((name) => filters[name] !== undefined);
  if (secret !== undefined) throw hiddenFilter(side, secret);
  const id = publisherId ?? advertiserId;
  if ((filters[`${side}_id`] ?? id) !== id) throw new Problem(403, 'FORBIDDEN', `The key belongs to another ${side}`);
  return { ...filters, [`${side}_id`]: id };
}

export function hiddenFilter(side: Side, name: string): Problem {
  return new Problem(403, 'FORBIDDEN', `A key with the role "${side}" may not filter by ${name}`);
}
