import { expect, it, test } from 'vitest';
import { toWire } from '../../../lambdas/core/wire.ts';
import type { ApiRequest, Deps, Handle } from '../../../lambdas/management/http.ts';
import { byField, listCatalog } from '../../../lambdas/management/lists.ts';
import { Problem } from '../../../lambdas/management/problems.ts';
import { advertiserHandlers } from '../../../lambdas/management/routes/advertisers.ts';
import { campaignHandlers } from '../../../lambdas/management/routes/campaigns.ts';
import { keyHandlers } from '../../../lambdas/management/routes/keys.ts';
import { postbackHandlers } from '../../../lambdas/management/routes/postbacks.ts';
import { publisherHandlers } from '../../../lambdas/management/routes/publishers.ts';
import { senderHandlers } from '../../../lambdas/management/routes/senders.ts';
import { aCampaign } from '../../support/entities.ts';

type Row = Readonly<Record<string, unknown>> & { readonly id: string };

/** A catalog of one kind in memory that counts what is read of it. */
function aCatalog(rows: readonly Row[]) {
  const reads: number[] = [];
  const sorted = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const deps = {
    catalog: {
      list: async (_: string, after: string | null, limit: number) => {
        const found = sorted.filter(({ id }) => after === null || id > after).slice(0, limit);
        reads.push(found.length);
        return found;
      },
      cursorKey: async () => new Uint8Array(32).fill(7),
    },
    random: (length: number) => new Uint8Array(length).fill(3),
    trackingUrl: 'https://track.example',
    apiUrl: 'https://api.example',
  } as unknown as Deps;
  const page = async (handle: Handle, query: string) => {
    const request = { query: new Map(new URLSearchParams(query)), publisherId: null, advertiserId: null, route: 'r' };
    const { body } = await handle(request as unknown as ApiRequest, deps);
    const { items, next_cursor: next } = body as { items: { id: string }[]; next_cursor: string | null };
    return { ids: items.map(({ id }) => id), next };
  };
  return { deps, reads, page };
}

const stored = { name: 'X', version: 1, created_at: 0, updated_at: 0, tokens: [], metadata: {} };
const ofStatus = (...all: string[]): Row[] => all.map((status) => ({ ...stored, id: status, status }));
const campaign = (id: string, advertiserId: string) => toWire(aCampaign({ id, advertiserId })) as Row;

const LISTS: Readonly<Record<string, (deps: Deps) => Handle>> = {
  advertisers: () => advertiserHandlers['GET /v1/advertisers'],
  senders: () => senderHandlers['GET /v1/senders'],
  publishers: () => publisherHandlers['GET /v1/publishers'],
  campaigns: (deps) => campaignHandlers(deps)['GET /v1/campaigns'],
  postbacks: (deps) => postbackHandlers(deps)['GET /v1/postbacks'],
  keys: () => keyHandlers['GET /v1/keys'],
};

const senders: Row[] = [
  { ...stored, id: 'of-all', advertiser_ids: 'all' },
  { ...stored, id: 'of-both', advertiser_ids: ['abc', 'xyz'] },
  { ...stored, id: 'of-abc', advertiser_ids: ['abc'] },
];
const postbacks: Row[] = [
  { ...stored, id: 'of-all', publisher_id: null, campaign_id: 'summer' },
  { ...stored, id: 'tia-all', publisher_id: 'tia', campaign_id: null },
  { ...stored, id: 'tia-summer', publisher_id: 'tia', campaign_id: 'summer' },
];
const key = { ...stored, role: 'admin', publisher_id: null, advertiser_id: null, expires_at: null };
const keys: Row[] = [
  { ...key, id: 'boss' },
  { ...key, id: 'gone', status: 'archived' },
  { ...key, id: 'tia-1', role: 'publisher', publisher_id: 'tia' },
  { ...key, id: 'ben-1', role: 'publisher', publisher_id: 'ben' },
  { ...key, id: 'xyz-1', role: 'advertiser', advertiser_id: 'xyz' },
];

it.each<[string, readonly Row[], string, readonly string[]]>([
  ['advertisers', ofStatus('active', 'archived'), 'status=archived', ['archived']],
  ['publishers', ofStatus('active', 'archived', 'paused'), 'status=paused', ['paused']],
  ['publishers', ofStatus('active', 'archived'), 'status=paused', []],
  ['senders', senders, 'advertiser_id=xyz', ['of-all', 'of-both']],
  ['campaigns', [campaign('summer', 'xyz'), campaign('winter', 'abc')], 'advertiser_id=abc', ['winter']],
  ['campaigns', [campaign('summer', 'xyz'), campaign('winter', 'abc')], 'advertiser_id=abc&status=archived', []],
  ['postbacks', postbacks, 'publisher_id=tia', ['tia-all', 'tia-summer']],
  ['postbacks', postbacks, 'campaign_id=summer', ['of-all', 'tia-summer']],
  ['postbacks', postbacks, 'campaign_id=summer&publisher_id=tia', ['tia-summer']],
  ['keys', keys, 'role=publisher', ['ben-1', 'tia-1']],
  ['keys', keys, 'publisher_id=ben', ['ben-1']],
  ['keys', keys, 'advertiser_id=xyz', ['xyz-1']],
  ['keys', keys, 'status=active&role=admin', ['boss']],
  ['keys', keys, 'status=archived', ['gone']],
])('%s of %j with %s are %j', async (name, rows, query, expected) => {
  const { deps, page } = aCatalog(rows);
  const list = LISTS[name]?.(deps);
  if (list === undefined) throw new Error(name);
  expect(await page(list, query)).toEqual({ ids: expected, next: null });
});

/** Of a thousand every so many is red. */
const thousand = (every: number): Row[] =>
  Array.from({ length: 1_000 }, (_, i) => ({ id: String(i).padStart(4, '0'), name: i % every === 0 ? 'red' : 'blue' }));
const names = listCatalog('publisher', (row) => row, { name: byField('name', /^[a-z]+$/) });

test.each([
  [1, 1],
  [1, 7],
  [50, 7],
  [200, 1],
  [7, 400],
])('%i a page, one of %i is found, and none twice', async (limit, every) => {
  const { page } = aCatalog(thousand(every));
  const found: string[] = [];
  let next: string | null = '';
  while (next !== null) {
    const one = await page(names, `name=red&limit=${limit}${next && `&cursor=${next}`}`);
    expect(one.ids.length).toBeLessThanOrEqual(limit);
    found.push(...one.ids);
    next = one.next;
  }
  expect(found).toEqual(thousand(every).flatMap(({ id, name }) => (name === 'red' ? [id] : [])));
});

test('a page without a filter reads one more than it shows; one that finds little reads a bounded amount', async () => {
  const { page, reads } = aCatalog(thousand(1_000));
  await page(names, 'limit=50');
  expect(reads).toEqual([51]);
  const many = aCatalog(Array.from({ length: 10_000 }, (_, i) => ({ id: String(i).padStart(5, '0') })));
  const { ids, next } = await many.page(names, 'limit=50&name=red');
  expect(ids).toEqual([]);
  expect(next).not.toBeNull();
  expect(many.reads.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(20 * 201);
});

test('a cursor goes on under the filters alone that it was made with', async () => {
  const { page } = aCatalog(thousand(2));
  const { next } = await page(names, 'name=red&limit=1');
  await expect(page(names, `name=blue&limit=1&cursor=${next}`)).rejects.toThrow(Problem);
  await expect(page(names, `limit=1&cursor=${next}`)).rejects.toThrow(Problem);
  expect(await page(names, `name=red&limit=2&cursor=${next}`)).toMatchObject({ ids: ['0002', '0004'] });
});

test('a page ends before its answer is larger than a function may give, and none is left out', async () => {
  // As hits of anybody who likes to be a nuisance: quotes take two bytes in what a function returns.
  const large = Array.from({ length: 200 }, (_, i) => ({ id: String(i).padStart(3, '0'), name: '"'.repeat(i * 200) }));
  const { deps } = aCatalog(large);
  const ids: string[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = new Map(Object.entries({ limit: '200', ...(cursor && { cursor }) }));
    const answer = await names({ query, route: 'r' } as unknown as ApiRequest, deps);
    expect(JSON.stringify({ body: JSON.stringify(answer.body) }).length).toBeLessThan(6 * 1_024 * 1_024);
    const { items, next_cursor } = answer.body as { items: Row[]; next_cursor: string | null };
    ids.push(...items.map(({ id }) => id));
    cursor = next_cursor;
  }
  expect(ids).toEqual(large.map(({ id }) => id));
});
