import { mkdtemp, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../support/cli.ts';

type Row = Record<string, unknown>;

const KEY = 'key-of-the-manager';
const TRACKING = 'https://track.example';
const TAKEN = { code: 'ID_TAKEN', detail: 'There is one with this id already' };
const INVALID = {
  code: 'VALIDATION_FAILED',
  detail: 'Some fields are wrong',
  errors: [{ pointer: '/destination_url', code: 'INVALID_URL', message: 'unknown macro {clickid}' }],
};

/** What the management API does for init, in memory. */
let server: Server;
let apiUrl: string;
let stored: Map<string, Row>;
/** A place that something of another kind holds. */
let taken: string | null;

beforeEach(async () => {
  stored = new Map();
  taken = null;
  server = createServer((request, response) => {
    void answer(request).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(() => void server.close().closeAllConnections());

async function answer(request: IncomingMessage): Promise<[number, Row]> {
  const { pathname } = new URL(request.url ?? '', apiUrl);
  if (pathname === '/v1/health') return [200, { status: 'ok' }];
  if (request.headers.authorization !== `Bearer ${KEY}`) return [401, { code: 'UNAUTHORIZED', detail: 'No such key' }];
  if (pathname === '/v1/settings') return [200, { currency: 'EUR' }];
  if (pathname.endsWith('/link')) {
    const values = 'p1={p1}&source={source}';
    return [200, { tracking_url: `${TRACKING}/click?${values}`, short_url: `${TRACKING}/c/summer/tia?${values}` }];
  }
  if (request.method === 'GET') {
    const row = stored.get(pathname);
    return row === undefined ? [404, { code: 'NOT_FOUND', detail: 'There is none' }] : [200, row];
  }
  const row = (await json(request)) as Row;
  const place = `${pathname}/${String(row['id'])}`;
  if (stored.has(place) || taken === place) return [409, TAKEN];
  if (String(row['destination_url']).includes('{clickid}')) return [422, INVALID];
  stored.set(place, { status: 'active', ...row });
  const more = {
    security_token: 'the-token-that-was-made',
    postback_url: `${TRACKING}/postback/xyz?click_id={click_id}`,
  };
  return [201, { ...row, ...(pathname === '/v1/advertisers' && more) }];
}

const CAMPAIGN = {
  id: 'summer',
  name: 'summer',
  advertiser_id: 'xyz',
  destination_url: 'https://xyz.example/?cid={click_id}',
  currency: 'EUR',
  goals: [
    {
      id: 'sale',
      name: 'Sale',
      default: true,
      payout: { model: 'fixed', amount: '2.50' },
      revenue: { model: 'fixed', amount: '4' },
    },
  ],
};

const IDS = ['--advertiser', 'xyz', '--publisher', 'tia', '--campaign', 'summer'];
const TERMS = ['--destination', CAMPAIGN.destination_url, '--payout', '2.50', '--revenue', '4'];
const newFile = async () => join(await mkdtemp(join(tmpdir(), 'flowback-init-')), 'profiles.json');
const profilesIn = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as unknown;

/** With every option that is needed, and with no terminal. */
const initAll = (...more: readonly string[]) => runCli(['init', ...IDS, ...TERMS, ...more], withKey());
const withKey = () => ({ env: { FLOWBACK_API_URL: apiUrl, FLOWBACK_KEY: KEY } });

describe('flowback init', () => {
  it('names all that is missing at once where nobody can be asked', async () => {
    const { code, err } = await runCli(['init', '--advertiser', 'xyz', '--payout', '1']);

    expect(code).toBe(2);
    const missing = '--api-url, FLOWBACK_KEY, --publisher, --campaign, --destination, --revenue';
    expect(err).toContain(`nobody is here to be asked: give ${missing}\n`);
  });

  it.each([
    [['--payout', '2,50'], "--payout: '2,50' is no amount, as 2.50"],
    [['--advertiser', 'XYZ Outdoor'], "--advertiser: 'XYZ Outdoor' is no ID"],
    [['--destination', 'xyz.example'], "--destination: 'xyz.example' is no URL"],
    [['--postback-url', 'ftp://tia.example'], "--postback-url: 'ftp://tia.example' is no URL"],
    [['--currency', 'euro'], "--currency: 'euro' is no currency"],
    [['--api-url', 'http://api.example'], 'the key would go over the network in clear text'],
  ])('refuses %j before anything is made', async (options, message) => {
    const { code, err } = await initAll(...options);

    expect({ code, made: stored.size }).toEqual({ code: 2, made: 0 });
    expect(err).toContain(message);
  });

  it('answers 4 to a key that is refused, and keeps no profile', async () => {
    const profilesFile = await newFile();
    const env = { FLOWBACK_API_URL: apiUrl, FLOWBACK_KEY: 'another' };

    const { code } = await runCli(['init', ...IDS, ...TERMS], { env, profilesFile });

    expect(code).toBe(4);
    await expect(readFile(profilesFile)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['an archived publisher', '/v1/publishers/tia', { status: 'archived' }, 'publisher tia is archived'],
    [
      'a foreign campaign',
      '/v1/campaigns/summer',
      { advertiser_id: 'abc' },
      'campaign summer belongs to advertiser abc',
    ],
  ])('does not use %s', async (_, place, row, message) => {
    stored.set(place, row);

    const { code, err } = await initAll();

    expect(code).toBe(1);
    expect(err).toContain(message);
  });

  it("says that an advertiser's ID is taken where it is taken by a sender", async () => {
    taken = '/v1/advertisers/xyz';

    const { code, err } = await initAll();

    expect(code).toBe(1);
    expect(err).toContain('There is one with this id already (ID_TAKEN)');
  });

  it('shows the token even if what comes after the advertiser fails, and goes on when it is run again', async () => {
    const failed = await initAll('--destination', 'https://xyz.example/?cid={clickid}');

    expect(failed.code).toBe(1);
    expect(failed.err).toContain('/destination_url  INVALID_URL');
    expect(failed.err).toContain('The security token of advertiser xyz, shown only now: the-token-that-was-made');

    const mended = await initAll('--json');

    expect(mended).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(mended.out)).toMatchObject({
      created: ['campaign'],
      security_token: null,
      postback_url: `${TRACKING}/postback/xyz`,
    });
  });

  it('makes advertiser, publisher, campaign and postback, and prints what to hand over', async () => {
    const { code, out, err } = await initAll('--postback-url', 'https://tia.example/?cid={p1}');

    expect(code).toBe(0);
    expect(stored.get('/v1/campaigns/summer')).toEqual({ status: 'active', ...CAMPAIGN });
    const postback = { publisher_id: 'tia', url: 'https://tia.example/?cid={p1}' };
    expect(stored.get('/v1/postbacks/tia')).toMatchObject(postback);
    expect(err).toContain(
      'Created publisher tia\nCreated advertiser xyz\nCreated campaign summer\nCreated postback tia\n',
    );
    expect(out).toContain(`  ${TRACKING}/click?p1={p1}&source={source}\n`);
    expect(out).toContain(`  ${TRACKING}/postback/xyz?click_id={click_id}\n`);
    expect(out).toContain('shown only now:\n  the-token-that-was-made\n');
    expect(out).toContain(`  flowback test link '${TRACKING}/c/summer/tia?p1=first-click&source=init'\n`);
  });

  it('makes nothing twice, and says how to get another token', async () => {
    await initAll();

    const { code, out, err } = await initAll();

    expect({ code, made: stored.size }).toEqual({ code: 0, made: 3 });
    expect(err).toContain('There is campaign summer already: it is used as it is');
    expect(out).toContain('flowback senders tokens add xyz');
  });

  it('keeps URL and key for the commands after it', async () => {
    const profilesFile = await newFile();
    await runCli(['init', ...IDS, ...TERMS, '--profile', 'mine'], { ...withKey(), profilesFile });

    const again = await runCli(['init', ...IDS, ...TERMS], { profilesFile });

    expect(again.code).toBe(0);
    expect(await profilesIn(profilesFile)).toEqual({ current: 'mine', profiles: { mine: { apiUrl, key: KEY } } });
  });

  it('does not give the name of one deployment to another', async () => {
    const profilesFile = await newFile();
    await runCli(['init', ...IDS, ...TERMS], { ...withKey(), profilesFile });
    const env = { FLOWBACK_API_URL: apiUrl.replace('127.0.0.1', 'localhost'), FLOWBACK_KEY: KEY };

    const { code, err } = await runCli(['init', ...IDS, ...TERMS], { env, profilesFile });

    expect(code).toBe(2);
    expect(err).toContain(`profile default is another deployment, ${apiUrl}: name this one by --profile`);
  });

  it("never sends the environment's key to the URL of a profile", async () => {
    const profilesFile = await newFile();
    await runCli(['init', ...IDS, ...TERMS], { ...withKey(), profilesFile });
    const env = { FLOWBACK_API_URL: 'https://other.example', FLOWBACK_KEY: 'key-of-the-other' };

    const { code } = await runCli(['init', ...IDS, ...TERMS, '--profile', 'default'], { env, profilesFile });

    expect(code).toBe(0);
  });
});

describe('what flowback init is given', () => {
  it('never goes to another deployment than the one that the environment names with the key (invariant 12)', async () => {
    const env = { FLOWBACK_API_URL: 'https://other.example', FLOWBACK_KEY: KEY };

    const { code, err } = await runCli(['init', ...IDS, ...TERMS, '--api-url', apiUrl], { env });

    expect({ code, made: stored.size }).toEqual({ code: 2, made: 0 });
    expect(err).toContain('FLOWBACK_KEY is for https://other.example');
  });

  it.each([
    ['ben', 'postback tia belongs to publisher ben'],
    [null, 'postback tia belongs to all publishers'],
  ])('does not take the postback of another publisher, %j, for its own', async (publisher_id, message) => {
    stored.set('/v1/postbacks/tia', { status: 'active', publisher_id });

    const { code, err } = await initAll('--postback-url', 'https://tia.example/?cid={p1}');

    expect(code).toBe(1);
    expect(err).toContain(message);
  });

  it('is told where what exists is not active', async () => {
    stored.set('/v1/publishers/tia', { status: 'paused' });

    expect((await initAll()).err).toContain('There is publisher tia already: it is used as it is, paused\n');
  });
});

describe('flowback init at a terminal', () => {
  it('asks for what is not given, again if an answer will not do, and takes what it suggests for nothing', async () => {
    const connection = ['no-url', apiUrl, 'wrong-key', KEY];
    const answers = [...connection, 'XYZ Outdoor', 'xyz', CAMPAIGN.destination_url, '', '2.50', '', '', ''];

    const { code, err } = await runCli(['init', '--campaign', 'summer', '--publisher', 'tia'], { answers });

    expect(code).toBe(0);
    expect(err).toContain("'no-url' is no base URL");
    expect(err).toContain('No such key (UNAUTHORIZED)');
    expect(err).toContain("'XYZ Outdoor' is no ID");
    const [goal] = CAMPAIGN.goals;
    const goals = [{ ...goal, revenue: { model: 'fixed', amount: '2.00' } }];
    expect(stored.get('/v1/campaigns/summer')).toEqual({ status: 'active', ...CAMPAIGN, goals });
  });

  it.each([
    ['asks for the key alone if nothing else is missing', [...IDS, ...TERMS], [KEY], { code: 0, made: 3 }],
    ['makes nothing if it is not wanted', TERMS, [KEY, '', '', '', '', '', 'no'], { code: 1, made: 0 }],
    ['gives up where the input has ended', TERMS, [], { code: 2, made: 0 }],
  ])('%s', async (_, options, answers, expected) => {
    const { code } = await runCli(['init', '--api-url', apiUrl, ...options], { answers });

    expect({ code, made: stored.size }).toEqual(expected);
  });
});
