import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
let callsBefore: number;

beforeAll(async () => {
  server = await startDocumentedApi();
});

afterAll(() => server.stop());

beforeEach(() => {
  callsBefore = server.calls.length;
  server.script({ body: { items: [], next_cursor: null } });
});

const flowback = (args: readonly string[], input = '') =>
  runCli(args, { env: { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'the-key' }, input });
const sent = () =>
  server.calls.slice(callsBefore).map(({ method, path, query, body }) => {
    const parameters = new URLSearchParams(query).toString();
    return [`${method} ${path}${parameters && `?${parameters}`}`, ...(body === undefined ? [] : [body])];
  });

const NO_BODY: readonly unknown[] = [];
const SALE = { id: 'sale', payout: { model: 'fixed', amount: '2.50' }, revenue: { model: 'none' } };
const LEAD = { ...SALE, id: 'lead' };

describe('a variable that is empty', () => {
  it.each([
    [['publishers', 'show', ''], 1, "'' is no ID"],
    [['publishers', 'archive', '..'], 1, "'..' is no ID"],
    [['publishers', 'archive', ''], 1, "'' is no ID"],
    [['conversions', 'approve', ''], 1, "'' is no ID"],
    [['campaigns', '--advertiser', ''], 2, '--advertiser is empty'],
    [['conversions', '--campaign', '', '--all'], 2, '--campaign is empty'],
    [['audit', '--by='], 2, '--by is empty'],
    [['publishers', 'create', '--name', 'Tia', '--id', ''], 2, '--id is empty'],
  ])('is refused before anything is asked: %j', async (args, code, message) => {
    const run = await flowback(args);

    expect(run.code).toBe(code);
    expect(run.err).toContain(message);
    expect(sent()).toEqual([]);
  });

  it('leaves the others to be done', async () => {
    server.script({ status: 204, text: '' });

    const { code, out, err } = await flowback(['publishers', 'archive', 'tia', '', 'ben']);

    expect({ code, out }).toEqual({ code: 1, out: 'Archived publisher tia\nArchived publisher ben\n' });
    expect(err).toContain('1 of 3 failed');
  });
});

describe('several IDs', () => {
  const gone = { status: 404, body: { code: 'NOT_FOUND', detail: 'There is none' } };
  const down = { status: 403, body: { code: 'FORBIDDEN', detail: 'Not with this role' } };

  it.each([
    [['--csv'], 'id,status\ntia,archived\nben,archived\n'],
    [
      ['--json'],
      `${JSON.stringify(
        ['tia', 'ben'].map((id) => ({ id, status: 'archived' })),
        null,
        2,
      )}\n`,
    ],
  ])('are one list for scripts (%j), without those that failed', async (format, out) => {
    server.script({ status: 204, text: '' }, gone, { status: 204, text: '' });

    expect(await flowback(['publishers', 'archive', 'tia', 'eve', 'ben', ...format])).toMatchObject({ code: 1, out });
  });

  it('are shown as far as they were done where no more can be', async () => {
    server.script({ status: 204, text: '' }, down);

    const run = await flowback(['publishers', 'archive', 'tia', 'eve', 'ben', '--csv']);

    expect(run).toMatchObject({ code: 4, out: 'id,status\ntia,archived\n' });
  });
});

describe('what is asked of the API, as its document has it', () => {
  it.each([
    ['publishers', 'GET /v1/publishers?limit=50'],
    ['publishers list --status paused --limit 7', 'GET /v1/publishers?status=paused&limit=7'],
    ['publishers show tia', 'GET /v1/publishers/tia'],
    ['publishers create --id tia --name Tia', 'POST /v1/publishers', { id: 'tia', name: 'Tia' }],
    [
      'publishers create --data {"name":"Tia","metadata":{"a":"b"}}',
      'POST /v1/publishers',
      { name: 'Tia', metadata: { a: 'b' } },
    ],
    ['publishers create --id tia --data {"id":"ben","name":"Tia"}', 'POST /v1/publishers', { id: 'tia', name: 'Tia' }],
    ['publishers update tia --status paused', 'PATCH /v1/publishers/tia', { status: 'paused' }],
    [
      'publishers update tia --data {"metadata":null} --name T',
      'PATCH /v1/publishers/tia',
      { metadata: null, name: 'T' },
    ],
    ['publishers archive tia', 'DELETE /v1/publishers/tia'],
    ['advertisers --status archived', 'GET /v1/advertisers?status=archived&limit=50'],
    ['advertisers create --name XYZ', 'POST /v1/advertisers', { name: 'XYZ' }],
    ['senders --advertiser xyz', 'GET /v1/senders?advertiser_id=xyz&limit=50'],
    ['senders create --name MMP --advertisers all', 'POST /v1/senders', { name: 'MMP', advertiser_ids: 'all' }],
    ['senders update mmp --advertisers xyz,abc', 'PATCH /v1/senders/mmp', { advertiser_ids: ['xyz', 'abc'] }],
    ['senders update mmp --ip-allow-list 192.0.2.0/24', 'PATCH /v1/senders/mmp', { ip_allow_list: ['192.0.2.0/24'] }],
    ['senders tokens add mmp', 'POST /v1/senders/mmp/tokens', {}],
    [
      'senders tokens add mmp --expires-at 2026-12-01T00:00:00Z',
      'POST /v1/senders/mmp/tokens',
      { expires_at: '2026-12-01T00:00:00Z' },
    ],
    ['senders tokens delete mmp t1', 'DELETE /v1/senders/mmp/tokens/t1'],
    ['campaigns --advertiser xyz', 'GET /v1/campaigns?advertiser_id=xyz&limit=50'],
    [
      'campaigns create --name Summer --advertiser xyz --url https://xyz.example/ --payout 2.50 --revenue 10%',
      'POST /v1/campaigns',
      {
        name: 'Summer',
        advertiser_id: 'xyz',
        destination_url: 'https://xyz.example/',
        goals: [
          {
            id: 'sale',
            payout: { model: 'fixed', amount: '2.50' },
            revenue: { model: 'percent', percent: '10' },
          },
        ],
      },
    ],
    ['campaigns caps summer --publisher tia', 'GET /v1/campaigns/summer/caps?publisher_id=tia'],
    ['link summer tia', 'GET /v1/campaigns/summer/link?pub_id=tia'],
    ['postbacks --publisher tia --campaign summer', 'GET /v1/postbacks?publisher_id=tia&campaign_id=summer&limit=50'],
    [
      'postbacks create --publisher all --url https://a.example/?a={p1} --fire-on approved,rejected',
      'POST /v1/postbacks',
      { publisher_id: null, url: 'https://a.example/?a={p1}', fire_on: ['approved', 'rejected'] },
    ],
    ['postbacks test pb --value p1=a=b --value payout=1', 'POST /v1/postbacks/pb/test', { p1: 'a=b', payout: '1' }],
    ['keys --role publisher --publisher tia', 'GET /v1/keys?role=publisher&publisher_id=tia&limit=50'],
    ['keys create --name Ops --role manager', 'POST /v1/keys', { name: 'Ops', role: 'manager' }],
    ['keys update k1 --name Ops', 'PATCH /v1/keys/k1', { name: 'Ops' }],
    ['keys revoke k1', 'DELETE /v1/keys/k1'],
    ['settings', 'GET /v1/settings'],
    [
      'settings update --attribution-window-days 7 --currency EUR',
      'PATCH /v1/settings',
      { attribution_window_days: 7, currency: 'EUR' },
    ],
    [
      'settings update --rate EUR=1.08 --rate GBP=',
      'PATCH /v1/settings',
      { exchange_rates: { EUR: '1.08', GBP: null } },
    ],
    [
      'audit --kind campaign --id summer --by key:k1',
      'GET /v1/audit?kind=campaign&subject_id=summer&by=key%3Ak1&limit=50',
    ],
    [
      'audit --action changed --from 2026-11-22 --to 2026-11-23',
      'GET /v1/audit?action=changed&from=2026-11-22&to=2026-11-23&limit=50',
    ],
  ])('%s', async (line, call, ...body) => {
    const { err } = await flowback(line.split(' '));

    expect(err).not.toContain('UNDOCUMENTED');
    expect(sent()).toEqual([[call, ...(body ?? NO_BODY)]]);
  });
});

describe('a document', () => {
  it.each([
    ['--data', '{"name"', '--data is no JSON'],
    ['--data', '[1]', '--data must be a JSON object'],
    ['--file', '-', 'standard input is no JSON'],
  ])('of %s %s is refused', async (option, value, message) => {
    const { code, err } = await flowback(['publishers', 'create', option, value], 'name: Tia');

    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(sent()).toEqual([]);
  });

  it('that cannot be read is told, without how the command is used', async () => {
    const { code, err } = await flowback(['publishers', 'create', '--file', 'no-such-file']);

    expect({ code, err }).toMatchObject({ code: 1 });
    expect(err).toContain('cannot read no-such-file');
  });

  it.each([
    [['publishers', 'update', 'tia'], 'nothing to change'],
    [['settings', 'update'], 'nothing to change'],
    [['settings', 'update', '--rate', 'EUR'], '--rate EUR: must be name=value'],
    [['publishers', 'create', '--data', '{}', '--file', '-'], '--data or --file, not both'],
    [['publishers', '--limit', '0'], '--limit must be'],
    [['publishers', '--limit', '5', '--all'], '--limit or --all, not both'],
  ])('is missing or contradicts itself in %j', async (args, message) => {
    const { code, err } = await flowback(args);

    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(sent()).toEqual([]);
  });

  it('comes from a file or from standard input, and options win over it', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'flowback-document-')), 'tia.json');
    await writeFile(file, '\u{FEFF}{"name": "Tia", "status": "paused"}');

    await flowback(['publishers', 'create', '--file', file, '--name', 'T']);
    await flowback(['publishers', 'create', '--file', '-'], '{"name": "Ben"}');

    expect(sent().map(([, body]) => body)).toEqual([{ name: 'T', status: 'paused' }, { name: 'Ben' }]);
  });
});

describe('what is created', () => {
  it('is told in a line, with the secrets that are shown this once', async () => {
    server.script({
      status: 201,
      body: { id: 'xyz', name: 'XYZ', security_token: 'the-token', postback_url: 'https://t.example/postback/xyz' },
    });

    const { code, out, err } = await flowback(['advertisers', 'create', '--name', 'XYZ']);

    expect(code).toBe(0);
    expect(out).toContain('Created advertiser xyz\n');
    expect(out).toContain('https://t.example/postback/xyz\nSecurity token  the-token\n');
    expect(out).toContain('shown this once');
    expect(err).toContain('flowback campaigns create --advertiser xyz');
  });

  it('is all that the API answered for scripts', async () => {
    const key = { id: 'k1', key: 'fb_secret', role: 'manager' };
    server.script({ status: 201, body: key });

    const { out, err } = await flowback(['keys', 'create', '--name', 'Ops', '--role', 'manager', '--json']);

    expect({ out: JSON.parse(out) as unknown, err }).toEqual({ out: key, err: '' });
  });
});

describe('several ids', () => {
  it('are done one by one; one that fails is told and the others go on', async () => {
    server.script(
      { status: 204 },
      { status: 404, body: { code: 'NOT_FOUND', detail: 'There is none' } },
      { status: 204 },
    );

    const { code, out, err } = await flowback(['publishers', 'archive', 'a', 'b', 'c']);

    expect({ code, out }).toEqual({ code: 1, out: 'Archived publisher a\nArchived publisher c\n' });
    expect(err).toContain('b: There is none (NOT_FOUND)');
    expect(err).toContain('1 of 3 failed');
  });

  it('are not gone through where each would fail alike', async () => {
    server.script({ status: 403, body: { code: 'FORBIDDEN', detail: 'Your role may not' } });

    expect(await flowback(['keys', 'revoke', 'a', 'b'])).toMatchObject({ code: 4, out: '' });
    expect(sent()).toHaveLength(1);
  });
});

describe('a list', () => {
  it('says where it may go on', async () => {
    server.script({ body: { items: [{ id: 'a' }, { id: 'b' }], next_cursor: '1' } });

    expect((await flowback(['publishers', '--limit', '2'])).err).toContain('--limit N or --all');
    server.script({ body: { items: [{ id: 'a' }], next_cursor: null } });
    expect((await flowback(['publishers', '--limit', '2'])).err).toBe('');
  });

  it('of campaigns shows what each pays', async () => {
    const share = { ...LEAD, payout: { model: 'percent_of_revenue', percent: '80' } };
    const own = { id: 'summer', name: 'Summer', advertiser_id: 'xyz', status: 'active', currency: 'USD' };
    server.script({
      body: {
        items: [
          { ...own, goals: [SALE, share] },
          { ...own, goals: [SALE, SALE] },
        ],
        next_cursor: null,
      },
    });

    const { out } = await flowback(['campaigns']);

    expect(out).toContain('2.50, 80% of revenue');
    expect(out).toMatch(/active +2\.50 +- +USD/);
  });
});

describe('the payout of a campaign', () => {
  const campaign = (...goals: object[]) => ({ headers: { etag: '"4"' }, body: { id: 'summer', goals } });
  const update = (...more: string[]) => flowback(['campaigns', 'update', 'summer', ...more]);

  it.each([
    [['--payout', '3'], 'which goal? --goal sale|lead'],
    [['--payout', '3', '--goal', 'install'], 'which goal? --goal sale|lead'],
    [['--payout', '3', '--data', '{"goals":[]}'], 'cannot be mixed with goals'],
  ])('is not changed by %j', async (more, message) => {
    server.script(campaign(SALE, LEAD));

    const { code, err } = await update(...more);

    expect(code).toBe(2);
    expect(err).toContain(message);
    expect(sent().map(([call]) => call)).toEqual(['GET /v1/campaigns/summer']);
  });

  it.each([
    ['2.50', { model: 'fixed', amount: '2.50' }],
    ['10%', { model: 'percent', percent: '10' }],
    ['80 % of revenue', { model: 'percent_of_revenue', percent: '80' }],
    ['none', { model: 'none' }],
  ])('%s is changed in its goal alone, unless somebody else changed the campaign meanwhile', async (payout, model) => {
    server.script(campaign(SALE, LEAD), { body: { id: 'summer' } });

    await update('--goal', 'lead', '--payout', payout);

    expect(sent()[1]).toEqual(['PATCH /v1/campaigns/summer', { goals: [SALE, { ...LEAD, payout: model }] }]);
    expect(server.calls.at(-1)?.headers['if-match']).toBe('"4"');
  });
});

describe('flowback postbacks', () => {
  it.each([
    [200, 0],
    [302, 1],
    [500, 1],
    [null, 1],
  ])('test with the answer %s ends with exit code %i', async (status, exit) => {
    const error = status === null ? 'timeout' : null;
    const request = { method: 'GET', url: 'https://a.example/?a=b', body: null };
    server.script({ body: { request, status, error, duration_ms: 12, body: 'thank you' } });

    const { code, out } = await flowback(['postbacks', 'test', 'pb']);

    const came = status === null ? 'No answer: timeout' : `Status ${status}`;
    expect({ code, out }).toEqual({ code: exit, out: `GET https://a.example/?a=b\n${came} after 12 ms\nthank you\n` });
  });

  it('replay goes on until all is sent', async () => {
    const some = (replayed: number, next_cursor: string | null) => ({
      status: 202,
      body: { replayed, skipped: 1, next_cursor },
    });
    server.script(some(20, '1'), some(5, null));

    const { out } = await flowback(['postbacks', 'replay', 'pb', '--since', '2026-11-22']);

    expect(out).toBe('Sent again: 25; left alone: 2\n');
    expect(sent().map(([, body]) => body)).toEqual([{ since: '2026-11-22' }, { since: '2026-11-22', cursor: '1' }]);
  });
});

describe('flowback audit', () => {
  const entry = (changes: readonly object[], more: object = {}) => ({
    ...{ id: 'e1', at: '2026-11-22T23:00:00.000Z', by: 'key:k1', by_name: 'Ops', action: 'changed', kind: 'campaign' },
    ...{ subject_id: 'summer', request_id: 'r1', changes },
    ...more,
  });

  it.each([
    [
      'a change, from what to what',
      entry([
        { pointer: '/goals/0/payout/amount', from: '2.50', to: '3' },
        { pointer: '/ends_at', from: null, to: '2026-12-01' },
      ]),
      [
        '2026-11-22T23:00:00.000Z  campaign summer changed by Ops (key:k1)',
        '    /goals/0/payout/amount  2.50 -> 3',
        '    /ends_at                - -> 2026-12-01',
      ],
    ],
    [
      'of lists what came and went',
      entry([{ pointer: '/blocked_publishers', from: ['a', 'b'], to: ['b', 'c'] }]),
      [
        '2026-11-22T23:00:00.000Z  campaign summer changed by Ops (key:k1)',
        '    /blocked_publishers  without a, with c',
      ],
    ],
    [
      'of lists their order',
      entry([{ pointer: '/x', from: ['a', 'b'], to: ['b', 'a'] }]),
      ['2026-11-22T23:00:00.000Z  campaign summer changed by Ops (key:k1)', '    /x  ["a","b"] -> ["b","a"]'],
    ],
    [
      'what was made, in a line',
      entry([{ pointer: '', from: null, to: { id: 'settings' } }], {
        ...{ action: 'created', kind: 'settings', subject_id: 'settings', by: 'bootstrap', by_name: null },
      }),
      ['2026-11-22T23:00:00.000Z  settings created by bootstrap'],
    ],
  ])('shows %s', async (_, item, lines) => {
    server.script({ body: { items: [item], next_cursor: null } });

    expect((await flowback(['audit'])).out.trimEnd().split('\n')).toEqual(lines);
  });
});
