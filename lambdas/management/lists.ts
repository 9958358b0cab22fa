import { ENTITY_ID } from '../core/ids.ts';
import type { CatalogKinds, EntityKind, ListPage, ListPosition, ListQuery } from '../core/management-ports.ts';
import { readCursor, writeCursor } from './cursor.ts';
import type { CursorScope } from './cursor.ts';
import { ok } from './http.ts';
import type { ApiRequest, Deps } from './http.ts';
import { invalidParameter } from './problems.ts';
import type { Answer } from './problems.ts';
import { moment } from './schemas/common.ts';

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** Bytes of an answer: a function may return 6 MB, in which every quote in it takes two. */
const MAX_ANSWER = 3_000_000;

interface Page {
  readonly limit: number;
  readonly position: ListPosition | null;
}

/** Answers one page, a shorter one of what is large: reads limit and cursor, which is bound to the route and these filters. */
async function answerPage<T>(
  request: ApiRequest,
  deps: Deps,
  filters: CursorScope['filters'],
  read: (page: Page) => Promise<ListPage<T>>,
  show: (item: T) => unknown,
): Promise<Answer> {
  const scope: CursorScope = { route: request.route, filters };
  const key = await deps.catalog.cursorKey();
  const cursor = request.query.get('cursor');
  const position = cursor === undefined ? null : readCursor(cursor, scope, key);
  for (let limit = limitOf(request); ;) {
    const { items, next } = await read({ limit, position });
    const cursorOfNext = next === null ? null : writeCursor(next, scope, key, deps.random);
    const page = { items: items.map(show), next_cursor: cursorOfNext };
    const bytes = Buffer.byteLength(JSON.stringify(page));
    if (bytes <= MAX_ANSWER || items.length <= 1) return ok(page);
    limit = Math.max(1, Math.floor((items.length * MAX_ANSWER) / bytes));
  }
}

function limitOf({ query }: ApiRequest): number {
  const text = query.get('limit');
  if (text === undefined) return DEFAULT_LIMIT;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw invalidParameter('limit', 'must be a whole number from 1 on');
  return Math.min(Number(text), MAX_LIMIT);
}

/** How much a page of a list that leaves some out reads at most; then it ends early and names where to go on. */
const MAX_READS = 20;

type ListedKind = EntityKind | 'api_key';

/** A filter of a list of Catalog: the values that callers may give, and whether an entity has one. */
interface CatalogFilter<Entity> {
  readonly values: RegExp;
  readonly has: (entity: Entity, value: string) => boolean;
}

/** By a field of the entity. */
export function byField<Field extends string>(
  field: Field,
  values: RegExp = ENTITY_ID,
): CatalogFilter<Readonly<Partial<Record<Field, string | null>>>> {
  return { values, has: (entity, value) => entity[field] === value };
}

export const byStatus = byField('status', /^(active|paused|archived)$/);

/** A list of one kind of Catalog, in the order of ids. */
export function listCatalog<K extends ListedKind>(
  kind: K,
  show: (entity: CatalogKinds[K]) => unknown,
  filters: Readonly<Record<string, CatalogFilter<CatalogKinds[K]>>>,
  isShown: (entity: CatalogKinds[K]) => boolean = () => true,
) {
  const patterns = Object.fromEntries(Object.entries(filters).map(([name, { values }]) => [name, values]));
  return (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const given = readFilters<string>(patterns, request);
    const wanted = Object.entries(given);
    const isWanted = (entity: CatalogKinds[K]) =>
      isShown(entity) && wanted.every(([name, value = '']) => filters[name]?.has(entity, value) === true);
    const read = async ({ limit, position }: Page) => {
      const items: CatalogKinds[K][] = [];
      let after = position?.before ?? null;
      let isMore = true;
      for (let reads = 0; isMore && items.length <= limit && reads < MAX_READS; reads++) {
        // One more tells whether a next page exists; the more are left out, the more are read at once.
        const size = Math.min((limit + 1) * 2 ** reads, MAX_LIMIT + 1);
        const found = await deps.catalog.list(kind, after, size);
        items.push(...found.filter(isWanted));
        after = found.at(-1)?.id ?? after;
        isMore = found.length === size;
      }
      // That of what is shown, unless so much was left out that the page ends before it is full.
      if (items.length > limit) after = items[limit - 1]?.id ?? null;
      const next = isMore || items.length > limit ? { partition: kind, before: after } : null;
      return { items: items.slice(0, limit), next };
    };
    return answerPage(request, deps, given, read, show);
  };
}

export type Filters<Filter extends string> = Readonly<Partial<Record<Filter, string>>>;

/** What the caller filters by; throws a 400 for a value that does not match its pattern. */
function readFilters<Filter extends string>(
  patterns: Readonly<Partial<Record<Filter, RegExp>>>,
  { query }: ApiRequest,
  normalize?: Readonly<Partial<Record<Filter, (text: string) => string>>>,
): Filters<Filter> {
  const given: Partial<Record<Filter, string>> = {};
  for (const name of Object.keys(patterns) as Filter[]) {
    const text = query.get(name);
    if (text === undefined) continue;
    const value = normalize?.[name]?.(text) ?? text;
    if (patterns[name]?.test(value) !== true) throw invalidParameter(name, 'has a value that none can have');
    given[name] = value;
  }
  return given;
}

/** A list of facts, newest first, between `from` (inclusive) and `to` (exclusive). */
export function listFacts<Filter extends string, T>(
  /** What values each filter may have that callers may give. */
  patterns: Readonly<Partial<Record<Filter, RegExp>>>,
  read: (query: ListQuery<Filter>, deps: Deps) => Promise<ListPage<T>>,
  show: (item: T, request: ApiRequest) => unknown,
  {
    normalize,
    bound = (filters) => filters,
  }: {
    /** How the values of some filters are stored. */
    readonly normalize?: Readonly<Partial<Record<Filter, (text: string) => string>>>;
    /** What the caller's key adds to the filters that he gave; cursors are bound to it, too. */
    readonly bound?: (filters: Filters<Filter>, request: ApiRequest) => Filters<Filter>;
  } = {},
) {
  return (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const { query, now } = request;
    const filters = bound(readFilters(patterns, request, normalize), request);
    const from = timeOf(query, 'from');
    const to = timeOf(query, 'to');
    if (from !== null && to !== null && from > to) throw invalidParameter('from', 'must not be after to');
    const scope = { ...filters, from: String(from), to: String(to) };
    const readSome = (page: Page) => read({ filters, from, to, now, ...page }, deps);
    return answerPage(request, deps, scope, readSome, (item) => show(item, request));
  };
}

function timeOf(query: ReadonlyMap<string, string>, name: string): number | null {
  const text = query.get(name);
  if (text === undefined) return null;
  const parsed = moment.safeParse(text);
  if (!parsed.success) throw invalidParameter(name, parsed.error.issues[0]?.message ?? '');
  return parsed.data;
}
