import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createApi, path } from '../../../cli/api.ts';
import type { Api, Item } from '../../../cli/api.ts';
import { Failure, UsageError } from '../../../cli/terminal.ts';
import { aWorld } from '../../support/cli.ts';
import { startDocumentedApi } from '../../support/documented-api.ts';
import type { DocumentedApi } from '../../support/documented-api.ts';

let server: DocumentedApi;
let api: Api;
let waits: number[];

beforeEach(async () => {
  server = await startDocumentedApi();
  waits = [];
  const { world } = await aWorld({ wait: async (milliseconds) => void waits.push(milliseconds) });
  api = createApi({ apiUrl: server.url, key: 'the-key' }, world);
});

afterEach(() => server.stop());

const PUBLISHERS = path('publishers');
const problem = (code: string, more: object = {}) => ({ code, detail: 'What is wrong', ...more });

/** What a call throws, as the command line shows it. */
async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const error: unknown = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error instanceof Failure) return error;
  throw new Error(`no Failure: ${String(error)}`);
}

describe('a key', () => {
  it.each(['fb_secret\nsecond-line', 'fb_secret\u200B', 'fb_secret fb_other'])(
    'that none can be, %j, is neither sent nor shown (invariant 12)',
    async (key) => {
      const { world } = await aWorld();

      expect(() => createApi({ apiUrl: server.url, key }, world)).toThrow(UsageError);
      expect(() => createApi({ apiUrl: server.url, key }, world)).toThrow(/^(?!.*secret)/s);
    },
  );
});

describe('what the API refuses', () => {
  it.each([
    [401, 'UNAUTHORIZED', 4, 'FLOWBACK_KEY'],
    [403, 'FORBIDDEN', 4, 'docs/roles.md'],
    [404, 'NOT_FOUND', 1, 'of this deployment?'],
    [409, 'LAST_ADMIN_KEY', 1, 'keys create'],
    [409, 'ID_TAKEN', 1, ''],
  ])('%i %s ends with exit code %i and says what to do', async (status, code, exit, next) => {
    server.script({ status, body: problem(code) });

    const failure = await failureOf(api.get(PUBLISHERS));

    expect(failure).toMatchObject({ message: `What is wrong (${code})`, exit, status, code });
    expect(failure.details.join()).toContain(next);
  });

  it('is shown with every wrong field', async () => {
    const errors = [
      { pointer: '/name', code: 'REQUIRED', message: 'is required' },
      { pointer: '', code: 'TOO_BIG', message: 'is too big' },
    ];
    server.script({ status: 422, body: problem('VALIDATION_FAILED', { errors }) });

    const { details } = await failureOf(api.send('POST', PUBLISHERS, { name: 'Tia' }));

    expect(details).toEqual(['  /name  REQUIRED  is required', '  (the whole)  TOO_BIG  is too big']);
  });

  it.each([
    ['a page', { text: '<html>' }],
    ['a list', { body: [1] }],
    ['an error of somebody else', { status: 404, text: 'Cannot GET /v1/publishers' }],
    ['a problem without a code', { status: 400, body: { title: 'Bad' } }],
  ])('says that %s is not of Flowback', async (_, answer) => {
    server.script(answer);

    expect(await failureOf(api.get(PUBLISHERS))).toMatchObject({
      message: expect.stringContaining('not Flowback') as string,
      exit: 1,
    });
  });

  it('takes the key to no other place', async () => {
    server.script({ status: 307, headers: { location: `${server.url}/elsewhere` } });

    expect(await failureOf(api.get(PUBLISHERS))).toMatchObject({ exit: 3 });
    expect(server.calls.map((call) => call.path)).not.toContain('/elsewhere');
  });
});

describe('what goes wrong for a while', () => {
  it('is tried again under the same Idempotency-Key, so that nothing is done twice', async () => {
    server.script({ lost: true }, { status: 503, body: problem('UNAVAILABLE') }, { status: 201, body: { id: 'tia' } });

    expect(await api.send('POST', PUBLISHERS, { name: 'Tia' })).toEqual({ id: 'tia' });

    const keys = server.calls.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
  });

  it.each([
    ['2', 2_000],
    ['0', 500],
    ['3600', 10_000],
    ['soon', 500],
  ])('waits as long as Retry-After %s asks for, within bounds', async (seconds, wait) => {
    server.script({ status: 429, headers: { 'retry-after': seconds } }, { body: {} });

    await api.get(PUBLISHERS);

    expect(waits).toEqual([wait]);
  });

  it('ends with exit code 3 once it took too long', async () => {
    server.script({ status: 503, body: problem('UNAVAILABLE') });

    const failure = await failureOf(api.get(PUBLISHERS));

    expect(failure).toMatchObject({ message: expect.stringContaining('status 503') as string, exit: 3 });
    expect(failure.details.join()).toContain(`${server.url}/v1/health`);
    expect(server.calls).toHaveLength(5);
  });

  it.each([
    ['POST', 'look first'],
    ['PATCH', 'If it is, run the command again'],
  ] as const)('says of a %s without an answer what running it again would do', async (method, next) => {
    server.script({ lost: true });

    const { details } = await failureOf(
      api.send(method, method === 'POST' ? PUBLISHERS : path('publishers', 'tia'), { name: 'Tia' }),
    );

    expect(details.join()).toContain(next);
  });

  it('ends with exit code 3 where nobody listens', async () => {
    await server.stop();

    expect(await failureOf(api.get(PUBLISHERS))).toMatchObject({
      message: expect.stringContaining('ECONNREFUSED') as string,
      exit: 3,
    });
  });
});

describe('a list', () => {
  const pageOf = (ids: readonly string[], next_cursor: string | null) => ({
    body: { items: ids.map((id) => ({ id })), next_cursor },
  });
  const idsOf = async (items: AsyncIterable<Item>) => {
    const ids: unknown[] = [];
    for await (const { id } of items) ids.push(id);
    return ids;
  };

  it('that is none is not of Flowback', async () => {
    server.script({ body: { items: 'none' } });

    expect(await failureOf(idsOf(api.list(PUBLISHERS, {}, 10)))).toMatchObject({
      message: expect.stringContaining('not Flowback') as string,
    });
  });

  it('is read page by page to its end, pages that show nothing included', async () => {
    server.script(pageOf(['a', 'b'], '1'), pageOf([], '2'), pageOf(['c'], null));

    expect(await idsOf(api.list(PUBLISHERS, { status: 'active' }, Infinity))).toEqual(['a', 'b', 'c']);
    expect(server.calls.map(({ query }) => query)).toEqual([
      { status: 'active', limit: '200' },
      { status: 'active', limit: '200', cursor: '1' },
      { status: 'active', limit: '200', cursor: '2' },
    ]);
  });

  it('is read no further than what was asked for', async () => {
    server.script(pageOf(['a', 'b'], '1'), pageOf(['c'], '2'));

    expect(await idsOf(api.list(PUBLISHERS, {}, 3))).toEqual(['a', 'b', 'c']);
    expect(server.calls.map(({ query }) => query['limit'])).toEqual(['3', '1']);
  });
});

describe('an edit', () => {
  const TIA = path('publishers', 'tia');
  const version = (number: number, name: string) => ({ headers: { etag: `"${number}"` }, body: { id: 'tia', name } });
  const late = { status: 412, body: problem('PRECONDITION_FAILED') };

  it('is made anew from what somebody else wrote meanwhile', async () => {
    server.script(version(1, 'A'), late, version(2, 'B'), version(3, 'B!'));

    expect(await api.edit(TIA, ({ name }) => ({ name: `${String(name)}!` }))).toEqual({ id: 'tia', name: 'B!' });

    const patches = server.calls.filter(({ method }) => method === 'PATCH');
    expect(patches.map(({ headers, body }) => [headers['if-match'], body])).toEqual([
      ['"1"', { name: 'A!' }],
      ['"2"', { name: 'B!' }],
    ]);
  });

  it('gives up where somebody else is always faster', async () => {
    server.script(version(1, 'A'), late, version(2, 'B'), late, version(3, 'C'), late);

    expect(await failureOf(api.edit(TIA, () => ({ name: 'D' })))).toMatchObject({ code: 'PRECONDITION_FAILED' });
  });
});

describe('path', () => {
  it.each([
    [['publishers', 'a/b?c#d'], '/v1/publishers/a%2Fb%3Fc%23d'],
    [['publishers', '...'], '/v1/publishers/...'],
  ])('stays below /v1 with %j', (words, expected) => {
    expect(path(...words)).toBe(expected);
    expect(new URL(`http://a.example${path(...words)}`).pathname).toBe(expected);
  });

  it.each(['', '.', '..'])('is never that of something else: %j', (word) => {
    expect(() => path('publishers', word)).toThrow(Failure);
  });
});
