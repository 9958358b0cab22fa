import { beforeEach, describe, expect, it } from 'vitest';
import type { ClickRequest } from '../../../lambdas/core/click-request.ts';
import { countImpression } from '../../../lambdas/core/impression.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aCampaign, aPublisher } from '../../support/entities.ts';
import { FakeCatalogReader } from '../../support/fakes/catalog-reader.ts';

const NOW = Date.UTC(2026, 10, 22, 23);
const CHROME = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const HEADERS = { 'user-agent': CHROME, 'sec-fetch-dest': 'image' };

let catalog: FakeCatalogReader;
let counted: string[];

beforeEach(() => {
  catalog = new FakeCatalogReader();
  catalog.campaigns.set('summer', aCampaign());
  catalog.publishers.set('tia', aPublisher());
  counted = [];
});

const show = (request: Partial<ClickRequest> = {}) =>
  countImpression(
    {
      method: 'GET',
      campaignId: undefined,
      publisherId: undefined,
      query: 'campaign_id=summer&pub_id=tia',
      headers: HEADERS,
      cookies: [],
      sourceIp: '203.0.113.77',
      https: true,
      ...request,
    },
    {
      catalog,
      impressions: { count: async (...what) => void counted.push(what.join(' ')) },
      now: () => NOW,
    },
  );

describe('an impression', () => {
  it.each<[string, Partial<ClickRequest>]>([
    ['METHOD_NOT_ALLOWED', { method: 'POST' }],
    ['MALFORMED_REQUEST', { query: 'campaign_id=summer' }],
    ['MALFORMED_REQUEST', { query: 'campaign_id=%zz&pub_id=tia' }],
    ['CAMPAIGN_NOT_FOUND', { query: 'campaign_id=nope&pub_id=tia' }],
    ['PUBLISHER_NOT_FOUND', { query: 'campaign_id=summer&pub_id=nope' }],
    ['PREFETCH', { method: 'HEAD' }],
    ['PREFETCH', { headers: { ...HEADERS, 'sec-purpose': 'prefetch' } }],
    ['BOT', { headers: { 'user-agent': 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' } }],
    ['BOT', { headers: {} }],
  ])('is %s and not counted: %j', async (code, request) => {
    expect(await show(request)).toBe(code);
    expect(counted).toEqual([]);
  });

  it('is an error where nobody knows whether its link exists', async () => {
    catalog.down = true;
    await expect(show()).rejects.toThrow(StorageUnavailable);
  });

  it('is counted, in a page and by itself', async () => {
    expect(await show()).toBe('OK');
    expect(await show({ headers: { 'user-agent': CHROME } })).toBe('OK');
    expect(counted).toEqual([`summer tia ${NOW}`, `summer tia ${NOW}`]);
  });
});
