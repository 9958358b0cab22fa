import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createConversionCatalog } from '../../../lambdas/adapters/dynamodb/catalog.ts';
import { fromItem, toItem } from '../../../lambdas/adapters/dynamodb/items.ts';
import { readPartition } from '../../../lambdas/adapters/dynamodb/reads.ts';
import { termsPartition } from '../../../lambdas/core/campaign-terms.ts';
import { DEFAULT_CAMPAIGN_TERMS } from '../../../lambdas/core/entities.ts';
import type { CampaignTerms } from '../../../lambdas/core/entities.ts';
import { fromWire, toWire } from '../../../lambdas/core/wire.ts';
import { aCampaign } from '../../support/entities.ts';
import { startManagement } from '../../support/management.ts';
import type { Management } from '../../support/management.ts';

let api: Management;
beforeAll(async () => {
  api = await startManagement();
  await api.create('/v1/advertisers', { id: 'xyz', name: 'XYZ' });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
  await api.create('/v1/campaigns', campaign({ id: 'summer' }));
});
afterAll(() => api.stop());

const sale = {
  id: 'sale',
  name: 'Sale',
  default: true,
  payout: { model: 'fixed', amount: '2.50' },
  revenue: { model: 'percent', percent: '10' },
};
const campaign = (changes: object = {}) => ({
  name: 'Summer sale',
  advertiser_id: 'xyz',
  destination_url: 'https://shop.example/?cid={click_id}',
  goals: [sale],
  ...changes,
});
const pointersAndCodes = (body: unknown) =>
  (body as { errors: { pointer: string; code: string }[] }).errors.map(({ pointer, code }) => `${pointer} ${code}`);

describe('an advertiser', () => {
  test('is created with a sender, a token shown once and a postback URL without it', async () => {
    const created = await api.create('/v1/advertisers', { name: 'Nike', metadata: { crm: '7' } });
    expect(created.body).toMatchObject({
      id: expect.stringMatching(/^[a-z2-7]{16}$/) as string,
      name: 'Nike',
      status: 'active',
      metadata: { crm: '7' },
      security_token: expect.stringMatching(/^[a-z2-7]{32}$/) as string,
    });
    const { id, security_token: token, postback_url: url } = created.body as Record<string, string>;
    expect(url).toBe(
      `https://track.example/postback/${id}?click_id={click_id}&txn_id={txn_id}&sale_amount={sale_amount}`,
    );
    const sender = await api.call('GET', `/v1/senders/${id}`);
    expect(sender.body).toMatchObject({ advertiser_ids: [id], token_required: true, tokens: [{ expires_at: null }] });
    const seen = await Promise.all(
      [`/v1/advertisers/${id}`, '/v1/advertisers', `/v1/senders/${id}`, '/v1/senders'].map((path) =>
        api.call('GET', path),
      ),
    );
    for (const { text } of seen) {
      expect(text).not.toContain(token);
      expect(text).not.toContain('hash');
    }
  });

  test('takes a given token, but never one that is in use', async () => {
    const token = 'a-token-that-was-given-by-somebody';
    const first = await api.create('/v1/advertisers', { id: 'given', name: 'Given', security_token: token });
    expect(first.body).toMatchObject({ security_token: token });
    const second = await api.call('POST', '/v1/advertisers', { body: { name: 'Other', security_token: token } });
    expect(second).toMatchObject({ status: 409, body: { code: 'TOKEN_IN_USE' } });
  });

  test('whose id is taken, also by a sender, is refused and leaves nothing behind', async () => {
    const taken = await api.call('POST', '/v1/advertisers', { body: { id: 'xyz', name: 'Again' } });
    expect(taken).toMatchObject({ status: 409, body: { code: 'ID_TAKEN' } });
    await api.create('/v1/senders', { id: 'mmp', name: 'MMP', advertiser_ids: 'all' });
    const sender = await api.call('POST', '/v1/advertisers', { body: { id: 'mmp', name: 'Again' } });
    expect(sender).toMatchObject({ status: 409, body: { code: 'ID_TAKEN' } });
    expect(await api.call('GET', '/v1/advertisers/mmp')).toMatchObject({ status: 404 });
  });

  test('is archived by DELETE, twice without harm, and only changed again with its status', async () => {
    await api.create('/v1/advertisers', { id: 'old', name: 'Old' });
    expect(await api.call('DELETE', '/v1/advertisers/old')).toMatchObject({ status: 204, text: '' });
    expect(await api.call('DELETE', '/v1/advertisers/old')).toMatchObject({ status: 204 });
    expect((await api.call('GET', '/v1/advertisers/old')).body).toMatchObject({ status: 'archived' });
    const change = await api.call('PATCH', '/v1/advertisers/old', { body: { name: 'New' } });
    expect(change).toMatchObject({ status: 409, body: { code: 'ARCHIVED' } });
    const used = await api.call('POST', '/v1/campaigns', { body: campaign({ advertiser_id: 'old' }) });
    expect(used.status).toBe(422);
    expect(pointersAndCodes(used.body)).toEqual(['/advertiser_id NOT_FOUND']);
    const back = await api.call('PATCH', '/v1/advertisers/old', { body: { name: 'New', status: 'active' } });
    expect(back).toMatchObject({ status: 200, body: { name: 'New', status: 'active' } });
    expect(await api.call('DELETE', '/v1/advertisers/none')).toMatchObject({ status: 404 });
  });
});

describe('a publisher', () => {
  test('is created, read, changed by merge patch and says by when every environment has it', async () => {
    const before = Date.now();
    const created = await api.create('/v1/publishers', { id: 'Pub_1', name: 'Pub', metadata: { a: '1', b: '2' } });
    expect(created.headers['etag']).toBe('"1"');
    const changed = await api.call('PATCH', '/v1/publishers/Pub_1', { body: { metadata: { a: null, c: '3' } } });
    expect(changed).toMatchObject({ status: 200, body: { name: 'Pub', metadata: { b: '2', c: '3' } } });
    expect(changed.headers['etag']).toBe('"2"');
    const effective = Date.parse(String((changed.body as { effective_by: string }).effective_by));
    expect(effective).toBeGreaterThanOrEqual(before + 30_000);
    expect((await api.call('GET', '/v1/publishers/Pub_1')).body).toMatchObject({ metadata: { b: '2', c: '3' } });
    expect(await api.call('GET', '/v1/publishers/pub_1')).toMatchObject({ status: 404 });
  });

  test('may be sent back as it was read, but not with another id or time', async () => {
    const { body } = await api.call('GET', '/v1/publishers/tia');
    expect(
      await api.call('PATCH', '/v1/publishers/tia', { body: { ...(body as object), name: 'Tia!' } }),
    ).toMatchObject({
      status: 200,
      body: { name: 'Tia!' },
    });
    const wrong = await api.call('PATCH', '/v1/publishers/tia', { body: { id: 'other', created_at: null } });
    expect(wrong.status).toBe(422);
    expect(pointersAndCodes(wrong.body)).toEqual(['/id READ_ONLY', '/created_at READ_ONLY']);
  });

  test('is guarded by If-Match', async () => {
    await api.create('/v1/publishers', { id: 'guarded', name: 'One' });
    const headers = { 'if-match': '"2"' };
    const options = { body: { name: 'Two' }, headers };
    expect(await api.call('PATCH', '/v1/publishers/guarded', options)).toMatchObject({
      status: 412,
      headers: { etag: '"1"' },
    });
    expect(await api.call('DELETE', '/v1/publishers/guarded', { headers })).toMatchObject({ status: 412 });
    expect(
      await api.call('PATCH', '/v1/publishers/guarded', { ...options, headers: { 'if-match': '"1"' } }),
    ).toMatchObject({ status: 200 });
    expect(
      await api.call('PATCH', '/v1/publishers/guarded', { ...options, headers: { 'if-match': '*' } }),
    ).toMatchObject({ status: 200 });
  });

  test('loses no change when several are made at once', async () => {
    await api.create('/v1/publishers', { id: 'busy', name: 'Busy' });
    const names = ['a', 'b', 'c'];
    const replies = await Promise.all(
      names.map((name) => api.call('PATCH', '/v1/publishers/busy', { body: { metadata: { [name]: '1' } } })),
    );
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect((await api.call('GET', '/v1/publishers/busy')).body).toMatchObject({ metadata: { a: '1', b: '1', c: '1' } });
  });
});

describe('a campaign', () => {
  test('is shown in the full shape of the contract, defaults filled in', async () => {
    const { body } = await api.create('/v1/campaigns', {
      ...campaign({ id: 'smallest' }),
      goals: [{ payout: { model: 'none' } }],
    });
    const goal = (body as { goals: { id: string }[] }).goals[0];
    expect(goal?.id).toMatch(/^[a-z2-7]{16}$/);
    expect(body).toMatchObject({
      id: 'smallest',
      status: 'active',
      currency: 'USD',
      goals: [
        {
          name: goal?.id,
          default: true,
          match: [],
          payout: { model: 'none' },
          revenue: { model: 'none' },
          dedupe: 'transaction',
          dedupe_scope: 'goal',
          default_status: 'approved',
          pixel_status: 'pending',
          hold_days: 0,
          accept: [],
        },
      ],
      unknown_goal: 'reject',
      payout_basis: 'conversion',
      click_payout: null,
      visibility: 'public',
      approved_publishers: [],
      blocked_publishers: [],
      overrides: [],
      caps: [],
      targeting: {
        countries: { allow: [], deny: [] },
        devices: { allow: [], deny: [] },
        os: { allow: [], deny: [] },
        browsers: { allow: [], deny: [] },
        languages: { allow: [], deny: [] },
        sources: { allow: [], deny: [] },
        unknown: 'allow',
      },
      coupons: [],
      fallback_url: null,
      attribution_window_days: 30,
      minimum_seconds_to_convert: 0,
      duplicate_click_window_seconds: 0,
      deep_link_hosts: [],
      expose: [],
      starts_at: null,
      ends_at: null,
      effective_by: expect.stringMatching(/Z$/) as string,
    });
    const shown = await api.call('GET', '/v1/campaigns/smallest');
    const sentBack = await api.call('PATCH', '/v1/campaigns/smallest', { body: shown.body });
    expect(sentBack.status).toBe(200);
  });

  const two = (change: object) => [sale, { ...sale, id: 'lead', name: 'Lead', default: false, ...change }];
  const goalWith = (change: object) => campaign({ goals: [{ ...sale, ...change }] });
  const fixed = (amount: unknown) => goalWith({ payout: { model: 'fixed', amount } });
  const dailyCap = { metric: 'conversions', period: 'day', limit: '5' };
  const percent = (value: unknown) => goalWith({ revenue: { model: 'percent', percent: value } });
  test.each([
    ['no name', { ...campaign(), name: undefined }, '/name REQUIRED'],
    ['a blank name', campaign({ name: '  ' }), '/name INVALID_FORMAT'],
    ['a name of 201 characters', campaign({ name: 'x'.repeat(201) }), '/name TOO_BIG'],
    ['a field that does not exist', campaign({ colour: 'red' }), '/colour UNKNOWN_FIELD'],
    ['a field that does not exist in a goal', goalWith({ colour: 'red' }), '/goals/0/colour UNKNOWN_FIELD'],
    ['an id with a slash', campaign({ id: 'a/b' }), '/id INVALID_FORMAT'],
    ['an id that is a number', campaign({ id: 7 }), '/id INVALID_FORMAT'],
    ['an unknown advertiser', campaign({ advertiser_id: 'nobody' }), '/advertiser_id NOT_FOUND'],
    ['an unknown currency', campaign({ currency: 'usd' }), '/currency INVALID_CURRENCY'],
    ['no goal', campaign({ goals: [] }), '/goals TOO_SMALL'],
    ['two default goals', campaign({ goals: two({ default: true }) }), '/goals DEFAULT_GOAL'],
    ['no default goal', campaign({ goals: two({}).map((g) => ({ ...g, default: false })) }), '/goals DEFAULT_GOAL'],
    ['a single goal that is not the default', goalWith({ default: false }), '/goals DEFAULT_GOAL'],
    ['two goals with one id', campaign({ goals: two({ id: 'SALE' }) }), '/goals/1/id NOT_UNIQUE'],
    ['a match word of another goal', campaign({ goals: two({ match: ['x', 'sale'] }) }), '/goals/1/match/1 NOT_UNIQUE'],
    ['a negative amount', fixed('-5'), '/goals/0/payout/amount INVALID_AMOUNT'],
    ['an amount with an exponent', fixed('1e3'), '/goals/0/payout/amount INVALID_AMOUNT'],
    ['an amount below a micro-unit', fixed('0.0000001'), '/goals/0/payout/amount INVALID_AMOUNT'],
    ['an amount as a number', fixed(2.5), '/goals/0/payout/amount INVALID_TYPE'],
    ['more than 100 percent', percent('100.01'), '/goals/0/revenue/percent INVALID_PERCENT'],
    [
      'a payout model of revenue',
      goalWith({ revenue: { model: 'percent_of_revenue', percent: '5' } }),
      '/goals/0/revenue/model INVALID_UNION',
    ],
    ['a macro in the host', campaign({ destination_url: 'https://{p1}.example/' }), '/destination_url INVALID_URL'],
    ['an unknown macro', campaign({ destination_url: 'https://x.example/{nope}' }), '/destination_url INVALID_URL'],
    ['a loopback destination', campaign({ destination_url: 'http://127.0.0.1/' }), '/destination_url INVALID_URL'],
    ['a loopback fallback', campaign({ fallback_url: 'http://localhost/' }), '/fallback_url INVALID_URL'],
    ['an exposed secret', campaign({ expose: ['revenue'] }), '/expose/0 INVALID_VALUE'],
    ['a window of half a day', campaign({ attribution_window_days: 0.5 }), '/attribution_window_days INVALID_TYPE'],
    ['a window beyond the retention', campaign({ attribution_window_days: 181 }), '/attribution_window_days TOO_LONG'],
    ['a cap of a goal that it has not', campaign({ caps: [{ ...dailyCap, goal: 'lead' }] }), '/caps/0/goal NOT_FOUND'],
    ['an override of nothing', campaign({ overrides: [{ publisher_id: 'tia' }] }), '/overrides/0 REQUIRED'],
    [
      'a loopback host for deep links',
      campaign({ deep_link_hosts: ['localhost:4030'] }),
      '/deep_link_hosts/0 INVALID_HOST',
    ],
    ['a hold of half a day', goalWith({ hold_days: 0.5 }), '/goals/0/hold_days INVALID_TYPE'],
    ['a status from outside', goalWith({ accept: ['status'] }), '/goals/0/accept/0 INVALID_VALUE'],
    ['a list', [campaign()], ' INVALID_TYPE'],
  ])('with %s is refused', async (_, body, expected) => {
    const reply = await api.call('POST', '/v1/campaigns', { body });
    expect(reply).toMatchObject({ status: 422, body: { code: 'VALIDATION_FAILED', status: 422 } });
    expect(reply.headers['content-type']).toBe('application/problem+json');
    expect(pointersAndCodes(reply.body)).toEqual([expected]);
  });

  test('with several wrong fields is told all of them', async () => {
    const { body } = await api.call('POST', '/v1/campaigns', {
      body: { ...campaign({ id: '?', currency: 'XXX', overrides: [1], extra: 1 }), name: '' },
    });
    expect(pointersAndCodes(body).sort()).toEqual(
      [
        '/overrides/0 INVALID_TYPE',
        '/currency INVALID_CURRENCY',
        '/extra UNKNOWN_FIELD',
        '/id INVALID_FORMAT',
        '/name TOO_SMALL',
        '/name INVALID_FORMAT',
      ].sort(),
    );
  });

  test('too large to be kept in memory by the thousand is refused', async () => {
    const goals = Array.from({ length: 30 }, (_, i) => ({
      id: `g${i}`,
      default: i === 0,
      match: Array.from({ length: 50 }, (_, j) => `${i}-${j}-${'x'.repeat(60)}`),
    }));
    const reply = await api.call('POST', '/v1/campaigns', { body: campaign({ goals }) });
    expect(reply.status).toBe(422);
    expect(pointersAndCodes(reply.body)).toEqual([' TOO_BIG']);
    expect(reply.text).toMatch(/has \d{6} bytes as JSON with its defaults, may have 65536/);
  });

  test('is validated as a whole after a patch; null means the default', async () => {
    await api.create(
      '/v1/campaigns',
      campaign({ id: 'patched', fallback_url: 'https://f.example/', unknown_goal: 'record' }),
    );
    const wrong = await api.call('PATCH', '/v1/campaigns/patched', { body: { goals: [], name: null } });
    expect(pointersAndCodes(wrong.body)).toEqual(['/name REQUIRED', '/goals TOO_SMALL']);
    const right = await api.call('PATCH', '/v1/campaigns/patched', {
      body: { fallback_url: null, unknown_goal: null },
    });
    expect(right).toMatchObject({ status: 200, body: { fallback_url: null, unknown_goal: 'reject' } });
    const moved = await api.call('PATCH', '/v1/campaigns/patched', { body: { advertiser_id: 'given' } });
    expect(pointersAndCodes(moved.body)).toEqual(['/advertiser_id READ_ONLY']);
    const paused = await api.call('PATCH', '/v1/campaigns/patched', {
      body: { status: 'paused' },
      headers: { 'content-type': 'application/merge-patch+json' },
    });
    expect(paused.body).toMatchObject({ status: 'paused' });
  });

  test.each(['USD', null])(
    'keeps the currency that its counters are in: %s is refused (invariant 6)',
    async (currency) => {
      const path = `/v1/campaigns/in-euros-${currency}`;
      await api.create('/v1/campaigns', campaign({ id: `in-euros-${currency}`, currency: 'EUR' }));
      const changed = await api.call('PATCH', path, { body: { currency } });
      expect(changed.status).toBe(422);
      expect(pointersAndCodes(changed.body)).toEqual(['/currency READ_ONLY']);
      const same = await api.call('PATCH', path, { body: { name: 'In euros', currency: 'EUR' } });
      expect(same).toMatchObject({ status: 200, body: { name: 'In euros', currency: 'EUR' } });
    },
  );

  const none = { allow: [], deny: [] };
  const click = { metric: 'clicks', period: 'hour', limit: '10' };
  const stored = (id: string) => createConversionCatalog(api.storage.client, api.storage.tables.catalog).campaign(id);

  test('keeps its click terms in the form that the redirect reads, and shows them as they were given', async () => {
    const terms = {
      click_payout: { model: 'fixed', amount: '0.05' },
      visibility: 'private',
      approved_publishers: ['tia'],
      blocked_publishers: ['eve'],
      caps: [{ ...click, scope: 'publisher', publisher_id: 'tia', goal: null, time_zone: null, on_reached: 'reject' }],
      duplicate_click_window_seconds: 3_600,
      deep_link_hosts: ['*.shop.example'],
      starts_at: '2026-11-22T00:00:00.000Z',
      ends_at: '2026-12-24T18:00:00.000Z',
    };
    const targeting = { countries: { allow: ['us'] }, unknown: 'deny' };
    await api.create('/v1/campaigns', campaign({ ...terms, targeting, id: 'terms' }));
    const shown = await api.call('GET', '/v1/campaigns/terms');
    expect(shown.body).toMatchObject({
      ...terms,
      targeting: { countries: { allow: ['US'], deny: [] }, devices: none, unknown: 'deny' },
    });
    expect(await stored('terms')).toMatchObject({
      clickPayout: terms.click_payout,
      visibility: 'private',
      approvedPublishers: ['tia'],
      blockedPublishers: ['eve'],
      caps: [{ ...click, scope: 'publisher', publisherId: 'tia', goal: null, timeZone: null, onReached: 'reject' }],
      targeting: { countries: { allow: ['US'], deny: [] }, sources: none, unknown: 'deny' },
      duplicateClickWindowSeconds: 3_600,
      deepLinkHosts: ['*.shop.example'],
      startsAt: Date.UTC(2026, 10, 22),
      endsAt: Date.UTC(2026, 11, 24, 18),
    });
  });

  test('keeps the parts of its click terms that a patch does not name', async () => {
    const targeting = { countries: { allow: ['US', 'CA'], deny: ['FR'] }, os: { deny: ['ios'] }, unknown: 'deny' };
    const caps = [click, { ...click, period: 'day' }];
    const click_payout = { model: 'fixed', amount: '1' };
    const starts_at = '2026-11-22T00:00:00Z';
    await api.create('/v1/campaigns', campaign({ id: 'parts', targeting, caps, click_payout, starts_at }));
    const first = await api.call('PATCH', '/v1/campaigns/parts', {
      body: {
        targeting: { countries: { allow: ['de'] }, devices: { allow: ['phone'] }, os: null },
        caps: [click],
        click_payout: { amount: '2' },
        ends_at: '2026-11-23T00:00:00Z',
      },
    });
    expect(first.body).toMatchObject({
      targeting: {
        countries: { allow: ['DE'], deny: ['FR'] },
        devices: { allow: ['mobile'], deny: [] },
        os: none,
        unknown: 'deny',
      },
      caps: [{ ...click, scope: 'campaign' }],
      click_payout: { model: 'fixed', amount: '2' },
      starts_at: '2026-11-22T00:00:00.000Z',
      ends_at: '2026-11-23T00:00:00.000Z',
    });
    const early = await api.call('PATCH', '/v1/campaigns/parts', { body: { ends_at: '2026-11-21T00:00:00Z' } });
    expect(pointersAndCodes(early.body)).toEqual(['/ends_at ENDS_BEFORE_START']);
    const denied = await api.call('PATCH', '/v1/campaigns/parts', {
      body: { targeting: { countries: { deny: ['DE'] } } },
    });
    expect(pointersAndCodes(denied.body)).toEqual(['/targeting/countries/deny/0 NOT_UNIQUE']);
    const reset = await api.call('PATCH', '/v1/campaigns/parts', {
      body: { targeting: null, caps: null, click_payout: null, starts_at: null, ends_at: null },
    });
    expect(reset.body).toMatchObject({
      targeting: { countries: none, devices: none, unknown: 'allow' },
      caps: [],
      click_payout: null,
      starts_at: null,
      ends_at: null,
    });
  });

  test('from before it had click terms is shown with their defaults and can be changed', async () => {
    const defaults = toWire(DEFAULT_CAMPAIGN_TERMS) as object;
    const old = Object.entries(toWire(aCampaign({ id: 'old' })) as object).filter(([name]) => !(name in defaults));
    await api.put('catalog', toItem({ ...Object.fromEntries(old), pk: 'campaign', sk: 'old' }));
    expect((await api.call('GET', '/v1/campaigns/old')).body).toMatchObject(defaults);
    const paused = await api.call('PATCH', '/v1/campaigns/old', { body: { status: 'paused', caps: [click] } });
    expect(paused).toMatchObject({ status: 200, body: { caps: [click], visibility: 'public' } });
    expect(await stored('old')).toMatchObject({ status: 'paused', caps: [click], targeting: { unknown: 'allow' } });
  });

  const fixed3 = { model: 'fixed', amount: '3' };
  const override = { publisher_id: 'tia', goal: 'sale', payout: fixed3 };

  test('keeps its terms of conversions in the form that conversions read, and shows them as they were given', async () => {
    const goals = [{ ...sale, pixel_status: 'approved', hold_days: 30, accept: ['payout'] }];
    const when = { countries: ['us'], os: ['iPhone'], sources: ['Blog'] };
    const terms = {
      payout_basis: 'click',
      coupons: [{ code: 'Tia20', publisher_id: 'tia' }],
      minimum_seconds_to_convert: 5,
    };
    await api.create('/v1/campaigns', campaign({ ...terms, id: 'priced', goals, overrides: [{ ...override, when }] }));
    const shown = await api.call('GET', '/v1/campaigns/priced');
    const kept = { ...override, when: { countries: ['US'], os: ['ios'], sources: ['Blog'] }, revenue: null };
    expect(shown.body).toMatchObject({ ...terms, goals, overrides: [kept] });
    expect(await stored('priced')).toMatchObject({
      goals: [{ pixelStatus: 'approved', holdDays: 30, accept: ['payout'] }],
      payoutBasis: 'click',
      overrides: [{ publisherId: 'tia', goal: 'sale', when: kept.when, payout: fixed3, revenue: null }],
      coupons: [{ code: 'Tia20', publisherId: 'tia' }],
      minimumSecondsToConvert: 5,
    });
  });

  test('names no publisher that does not exist, or not any more, where that would silently do nothing', async () => {
    await api.create('/v1/publishers', { id: 'gone', name: 'Gone' });
    const ofGone = { overrides: [{ publisher_id: 'gone', payout: fixed3 }] };
    await api.create('/v1/campaigns', campaign({ ...ofGone, id: 'of-gone' }));
    await api.call('DELETE', '/v1/publishers/gone');
    const coupons = Array.from({ length: 30 }, (_, i) => ({ code: `code${i}`, publisher_id: `nobody${i}` }));
    const caps = [click, { ...click, scope: 'publisher', publisher_id: 'nobody0' }];
    const body = campaign({ ...ofGone, coupons, caps });
    const refused = await api.call('POST', '/v1/campaigns', { body });
    expect(refused.status).toBe(422);
    expect(pointersAndCodes(refused.body)).toEqual([
      '/overrides/0/publisher_id NOT_FOUND',
      ...coupons.map((_, i) => `/coupons/${i}/publisher_id NOT_FOUND`),
      '/caps/1/publisher_id NOT_FOUND',
    ]);
    const renamed = await api.call('PATCH', '/v1/campaigns/of-gone', { body: { name: 'It was there once' } });
    expect(renamed).toMatchObject({ status: 200, body: ofGone });
  });

  test('has no override of a goal that is taken away', async () => {
    const goals = [sale, { ...sale, id: 'lead', name: 'Lead', default: false }];
    await api.create('/v1/campaigns', campaign({ id: 'fewer', goals, overrides: [{ ...override, goal: 'lead' }] }));
    const refused = await api.call('PATCH', '/v1/campaigns/fewer', { body: { goals: [sale] } });
    expect(pointersAndCodes(refused.body)).toEqual(['/overrides/0/goal NOT_FOUND']);
    const both = await api.call('PATCH', '/v1/campaigns/fewer', { body: { goals: [sale], overrides: null } });
    expect(both).toMatchObject({ status: 200, body: { overrides: [] } });
  });

  describe('whose terms change', () => {
    const paying = (amount: string) => ({ goals: [{ ...sale, payout: { model: 'fixed', amount } }] });
    const patch = (id: string, body: object, headers = {}) =>
      api.call('PATCH', `/v1/campaigns/${id}`, { body, headers });
    const given = (id: string) => api.create('/v1/campaigns', campaign({ ...paying('1'), id }));
    /** What is kept of it, newest first. */
    const earlier = async (id: string) => {
      const { client, tables } = api.storage;
      const rows = await readPartition(client, tables.catalog, { pk: termsPartition(id) });
      return rows.map((row) => fromWire(fromItem(row)) as CampaignTerms);
    };
    const payoutAt = async (id: string, at: number) => {
      const catalog = createConversionCatalog(api.storage.client, api.storage.tables.catalog);
      return (await catalog.termsAt(id, at))?.goals[0]?.payout;
    };

    test('keeps those before for the clicks and calls of their time', async () => {
      await given('repriced');
      const first = (await stored('repriced'))?.termsSince ?? 0;
      await patch('repriced', paying('2'));
      const second = (await stored('repriced'))?.termsSince ?? 0;
      await patch('repriced', { overrides: [override] });
      const third = (await stored('repriced'))?.termsSince ?? 0;
      expect(second).toBeGreaterThan(first);
      expect(third).toBeGreaterThan(second);
      expect(await earlier('repriced')).toMatchObject([
        { ...paying('2'), overrides: [], termsSince: second },
        { ...paying('1'), overrides: [], termsSince: first },
      ]);
      expect(await payoutAt('repriced', second - 1)).toEqual({ model: 'fixed', amount: '1' });
      expect(await payoutAt('repriced', second)).toEqual({ model: 'fixed', amount: '2' });
    });

    test.each([
      ['its name', { name: 'Winter sale' }],
      ['terms that price nothing', { coupons: [{ code: 'TIA', publisher_id: 'tia' }], payout_basis: 'click' }],
      ['its terms to what they are', { ...paying('1'), overrides: [] }],
      ['its status', { status: 'archived' }],
    ])('keeps nothing when a patch changes %s', async (what, body) => {
      const id = `unchanged-${what.replaceAll(' ', '-')}`;
      await given(id);
      const before = await stored(id);
      expect(await patch(id, body)).toMatchObject({ status: 200 });
      expect(await earlier(id)).toEqual([]);
      expect((await stored(id))?.termsSince).toBe(before?.termsSince);
    });

    test('by several patches at once has each version', async () => {
      await given('contested');
      const amounts = ['2', '3', '4'];
      const replies = await Promise.all(amounts.map((amount) => patch('contested', paying(amount))));
      expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
      const kept = await earlier('contested');
      const seen = [...kept.map(({ goals }) => goals), (await stored('contested'))?.goals];
      expect(seen.map((goals) => goals?.[0]?.payout)).toEqual(
        expect.arrayContaining(['1', ...amounts].map((amount) => ({ model: 'fixed', amount }))),
      );
      expect(kept).toHaveLength(3);
    });

    test('keeps nothing when the patch is refused', async () => {
      await given('refused');
      expect(await patch('refused', paying('2'), { 'if-match': '"7"' })).toMatchObject({ status: 412 });
      expect(await patch('refused', { ...paying('2'), advertiser_id: 'given' })).toMatchObject({ status: 422 });
      expect(await earlier('refused')).toEqual([]);
    });

    test('does not show since when, nor lets it be set', async () => {
      const created = await given('discreet');
      expect(created.body).not.toHaveProperty('terms_since');
      const refused = await patch('discreet', { terms_since: 0 });
      expect(pointersAndCodes(refused.body)).toEqual(['/terms_since UNKNOWN_FIELD']);
      await patch('discreet', paying('2'));
      const listed = await api.call('GET', '/v1/campaigns?limit=200');
      const ids = (listed.body as { items: { id: string }[] }).items.map(({ id }) => id);
      expect(ids.filter((id) => id.includes('discreet'))).toEqual(['discreet']);
    });

    test('and that is from before terms were kept has had them since it was created', async () => {
      const old = { ...(toWire(aCampaign({ id: 'ancient' })) as object), terms_since: undefined };
      await api.put('catalog', toItem({ ...old, pk: 'campaign', sk: 'ancient' }));
      await patch('ancient', { name: 'Still the same' });
      expect(await earlier('ancient')).toEqual([]);
      await patch('ancient', paying('7'));
      expect(await earlier('ancient')).toMatchObject([{ termsSince: aCampaign().createdAt }]);
      expect(await payoutAt('ancient', 0)).toEqual({ model: 'fixed', amount: '2.50' });
    });
  });

  test('has a tracking link for a publisher', async () => {
    const link = await api.call('GET', '/v1/campaigns/summer/link?pub_id=tia');
    expect(link.body).toEqual({
      tracking_url: 'https://track.example/click?campaign_id=summer&pub_id=tia&p1={p1}&source={source}',
      short_url: 'https://track.example/c/summer/tia?p1={p1}&source={source}',
    });
    expect(await api.call('GET', '/v1/campaigns/summer/link')).toMatchObject({ status: 400 });
    expect(await api.call('GET', '/v1/campaigns/summer/link?pub_id=nobody')).toMatchObject({ status: 404 });
    expect(await api.call('GET', '/v1/campaigns/none/link?pub_id=tia')).toMatchObject({ status: 404 });
  });
});

describe('a sender', () => {
  test('has defaults, parameters of its own and no token at first', async () => {
    const { body } = await api.create('/v1/senders', {
      id: 'tracker',
      name: 'Tracker',
      advertiser_ids: ['xyz'],
      parameters: { click_id: ['transaction_id', 'cid'], txn_id: ['order_id'] },
      status_map: { sold: 'approved' },
      ip_allow_list: ['192.0.2.7', '2001:db8::/32'],
    });
    expect(body).toMatchObject({
      advertiser_ids: ['xyz'],
      token_required: true,
      parameters: { click_id: ['transaction_id', 'cid'], txn_id: ['order_id'] },
      response_mode: 'status',
      decimals: 'currency',
      tokens: [],
    });
  });

  const sender = (changes: object) => ({ name: 'S', advertiser_ids: 'all', ...changes });
  test.each([
    ['no advertisers', sender({ advertiser_ids: [] }), '/advertiser_ids'],
    ['an unknown advertiser', sender({ advertiser_ids: ['xyz', 'nobody'] }), '/advertiser_ids/1'],
    ['an unknown parameter', sender({ parameters: { colour: ['c'] } }), '/parameters'],
    ['an alias that is a parameter', sender({ parameters: { click_id: ['txn_id'] } }), '/parameters/click_id/0'],
    ['an alias used twice', sender({ parameters: { click_id: ['a'], txn_id: ['a'] } }), '/parameters/txn_id/0'],
    ['a status that is none', sender({ status_map: { sold: 'yes' } }), '/status_map/sold'],
    ['an address that is none', sender({ ip_allow_list: ['192.0.2.300'] }), '/ip_allow_list/0'],
    ['an address in short form', sender({ ip_allow_list: ['127.1'] }), '/ip_allow_list/0'],
    ['tokens', sender({ tokens: [] }), '/tokens'],
  ])('with %s is refused', async (_, body, pointer) => {
    const reply = await api.call('POST', '/v1/senders', { body });
    expect(reply.status).toBe(422);
    expect((reply.body as { errors: { pointer: string }[] }).errors[0]?.pointer.startsWith(pointer)).toBe(true);
  });

  test('gets and loses tokens, each shown once', async () => {
    await api.create('/v1/senders', { id: 'rotating', name: 'R', advertiser_ids: 'all' });
    const past = await api.call('POST', '/v1/senders/rotating/tokens', {
      body: { expires_at: '2020-01-01T00:00:00Z' },
    });
    expect(past.status).toBe(422);
    const made = await api.create('/v1/senders/rotating/tokens', { expires_at: '2099-01-01T00:00:00+01:00' });
    const { id, security_token: token } = made.body as Record<string, string>;
    expect(made.body).toMatchObject({ expires_at: '2098-12-31T23:00:00.000Z' });
    const again = await api.call('POST', '/v1/senders/rotating/tokens', { body: { security_token: token } });
    expect(again).toMatchObject({ status: 409, body: { code: 'TOKEN_IN_USE' } });
    const withoutBody = await api.call('POST', '/v1/senders/rotating/tokens');
    expect(withoutBody.status).toBe(201);
    const seen = await api.call('GET', '/v1/senders/rotating');
    expect((seen.body as { tokens: object[] }).tokens).toHaveLength(2);
    expect(seen.text).not.toContain(token);
    expect(await api.call('DELETE', `/v1/senders/rotating/tokens/${id}`)).toMatchObject({ status: 204 });
    expect(await api.call('DELETE', `/v1/senders/rotating/tokens/${id}`)).toMatchObject({ status: 404 });
    // Free again: the row that found the sender is gone.
    await api.create('/v1/senders/rotating/tokens', { security_token: token });
    const patched = await api.call('PATCH', '/v1/senders/rotating', { body: { name: 'Kept' } });
    expect((patched.body as { tokens: object[] }).tokens).toHaveLength(2);
  });
});

describe('a publisher postback', () => {
  const postback = (changes: object = {}) => ({ publisher_id: 'tia', url: 'https://pub.example/p?c={p1}', ...changes });

  test('has the defaults of the contract', async () => {
    const { body } = await api.create('/v1/postbacks', postback({ id: 'first' }));
    expect(body).toMatchObject({
      id: 'first',
      publisher_id: 'tia',
      campaign_id: null,
      goal: null,
      method: 'GET',
      mode: 'replace',
      fire_on: ['approved'],
      status_words: {},
      goal_words: {},
      status: 'active',
      disabled_at: null,
      disabled_reason: null,
    });
  });

  test.each([
    ['no publisher, not even null', { url: 'https://pub.example/' }, '/publisher_id REQUIRED'],
    ['an unknown publisher', postback({ publisher_id: 'nobody' }), '/publisher_id NOT_FOUND'],
    ['an unknown campaign', postback({ campaign_id: 'none' }), '/campaign_id NOT_FOUND'],
    ['a goal that the campaign has not', postback({ campaign_id: 'summer', goal: 'nope' }), '/goal NOT_FOUND'],
    ['a URL of our own', postback({ url: 'https://track.example/postback' }), '/url INVALID_URL'],
    ['the API as its URL', postback({ url: 'https://api.track.example/v1/keys' }), '/url INVALID_URL'],
    ['a method that is none', postback({ method: 'POST' }), '/method INVALID_VALUE'],
    ['nothing to fire on', postback({ fire_on: [] }), '/fire_on TOO_SMALL'],
    [
      'a goal although it fires for clicks only',
      postback({ goal: 'sale', fire_on: ['click_payout'] }),
      '/goal INVALID_VALUE',
    ],
    ['a status that only Flowback sets', postback({ status: 'disabled' }), '/status INVALID_VALUE'],
  ])('with %s is refused', async (_, body, expected) => {
    const reply = await api.call('POST', '/v1/postbacks', { body });
    expect(reply.status).toBe(422);
    expect(pointersAndCodes(reply.body)).toEqual([expected]);
  });

  test('never matches a conversion along with more than 24 others', async () => {
    await api.create('/v1/publishers', { id: 'many', name: 'Many' });
    for (let i = 0; i < 25; i++) {
      await api.create('/v1/postbacks', postback({ id: `m${i}`, publisher_id: 'many', mode: 'add' }));
    }
    const body = postback({ publisher_id: 'many', mode: 'add' });
    const tooMany = await api.call('POST', '/v1/postbacks', { body });
    expect(pointersAndCodes(tooMany.body)).toEqual(['/publisher_id TOO_MANY']);
    const forAll = await api.call('POST', '/v1/postbacks', { body: { ...body, publisher_id: null } });
    expect(pointersAndCodes(forAll.body)).toEqual(['/publisher_id TOO_MANY']);
    // What is paused matches all the same, and holds back; what is archived does not.
    expect(await api.call('POST', '/v1/postbacks', { body: { ...body, status: 'paused' } })).toMatchObject({
      status: 422,
    });
    const { id } = (await api.create('/v1/postbacks', { ...body, status: 'archived' })).body as { id: string };
    const resume = () => api.call('PATCH', `/v1/postbacks/${id}`, { body: { status: 'paused' } });
    expect(await resume()).toMatchObject({ status: 422 });
    expect(await api.call('DELETE', '/v1/postbacks/m0')).toMatchObject({ status: 204 });
    expect(await resume()).toMatchObject({ status: 200 });
    // One of another campaign matches other conversions, but those of no campaign match those too.
    const other = await api.call('POST', '/v1/postbacks', { body: { ...body, campaign_id: 'summer' } });
    expect(other.status).toBe(422);
  });

  test('are at most 50 of one publisher, archived ones aside', async () => {
    await api.create('/v1/publishers', { id: 'full', name: 'Full' });
    const create = (id: string, status = 'active') =>
      api.call('POST', '/v1/postbacks', { body: postback({ id, publisher_id: 'full', status }) });
    const copy = { campaign_id: null, goal: null, mode: 'replace', status: 'active' };
    const others = Array.from({ length: 49 }, (_, i) => ({
      ...copy,
      pk: 'postback_of#full',
      sk: `f${i}`,
      id: `f${i}`,
    }));
    await Promise.all([create('last'), ...others.map((item) => api.put('catalog', toItem(item)))]);

    expect(pointersAndCodes((await create('one-more')).body)).toEqual(['/publisher_id TOO_MANY']);
    expect(await create('old', 'archived')).toMatchObject({ status: 201 });
    const revive = () => api.call('PATCH', '/v1/postbacks/old', { body: { status: 'paused' } });
    expect(pointersAndCodes((await revive()).body)).toEqual(['/publisher_id TOO_MANY']);
    expect(await api.call('DELETE', '/v1/postbacks/last')).toMatchObject({ status: 204 });
    expect(await revive()).toMatchObject({ status: 200 });
  });

  test('cannot be moved to another publisher', async () => {
    const moved = await api.call('PATCH', '/v1/postbacks/first', { body: { publisher_id: null } });
    expect(pointersAndCodes(moved.body)).toEqual(['/publisher_id READ_ONLY']);
  });
});

describe('lists', () => {
  test('go on with a cursor until they end, each entity once', async () => {
    const ids = Array.from({ length: 7 }, (_, i) => `list${i}`);
    for (const id of ids) await api.create('/v1/publishers', { id, name: id });
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const reply = await api.call('GET', `/v1/publishers?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`);
      const page = reply.body as { items: { id: string }[]; next_cursor: string | null };
      expect(page.items.length).toBeLessThanOrEqual(3);
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.next_cursor;
    }
    expect(seen.filter((id) => id.startsWith('list'))).toEqual(ids);
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('refuse the cursor of another list and a limit that is none', async () => {
    const { body } = await api.call('GET', '/v1/publishers?limit=1');
    const cursor = String((body as { next_cursor: string }).next_cursor);
    expect(await api.call('GET', `/v1/campaigns?cursor=${cursor}`)).toMatchObject({ status: 400 });
    expect(await api.call('GET', `/v1/publishers?cursor=${cursor.slice(0, -1)}`)).toMatchObject({
      status: 400,
      body: { code: 'INVALID_CURSOR' },
    });
    expect(await api.call('GET', '/v1/publishers?limit=0')).toMatchObject({ status: 400 });
    expect(await api.call('GET', '/v1/publishers?limit=ten')).toMatchObject({ status: 400 });
    expect(await api.call('GET', '/v1/publishers?limit=100000')).toMatchObject({ status: 200 });
  });
});
