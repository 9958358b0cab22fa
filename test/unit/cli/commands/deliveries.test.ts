import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
beforeEach(async () => {
  server = await startDocumentedApi();
});
afterEach(() => server.stop());

const ID = '2al2llncispv5mf34hk2pnxo_1';
const attempts = [
  { number: 1, at: '2026-11-22T12:00:00.000Z', duration_ms: 3_001, status: null, error: 'timeout', body: null },
  { number: 2, at: '2026-11-22T12:01:00.000Z', duration_ms: 41, status: 200, error: null, body: '\u001B[31mOK' },
];
const delivery = {
  ...{ id: ID, conversion_id: 'c', postback_id: 'pb', publisher_id: 'tia', event: 'created', state: 'delivered' },
  ...{ created_at: '2026-11-22T12:00:00.000Z', next_attempt_at: null, attempts },
};

function run(...args: readonly string[]) {
  return runCli(['deliveries', ...args], { env: { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'key' } });
}

describe('flowback deliveries', () => {
  it('lists by every filter of the API, with what the receiver answered last', async () => {
    server.script({ body: { items: [delivery, { ...delivery, attempts: [] }], next_cursor: null } });
    const filters = ['conversion', 'postback', 'publisher', 'state', 'from', 'to'];

    const { out } = await run(...filters.flatMap((name) => [`--${name}`, name]));

    expect(server.calls[0]?.query).toEqual({
      ...{ conversion_id: 'conversion', postback_id: 'postback', publisher_id: 'publisher' },
      ...{ state: 'state', from: 'from', to: 'to', limit: '50' },
    });
    expect(out.split('\n').slice(1, 3)).toEqual([
      `${ID}  2026-11-22 12:00  delivered  200         2  tia`,
      `${ID}  2026-11-22 12:00  delivered  -           0  tia`,
    ]);
  });

  it('shows the attempts as a table, without what a terminal would obey', async () => {
    server.script({ body: delivery });

    const { out } = await run('show', ID);

    expect(out.split('\n').slice(-4)).toEqual([
      '#  AT                          MS  STATUS  ERROR    BODY',
      '1  2026-11-22T12:00:00.000Z  3001  -       timeout  -',
      '2  2026-11-22T12:01:00.000Z    41  200     -        \u{FFFD}[31mOK',
      '',
    ]);
  });

  it('replays several, goes on after one that is refused, and ends with 1', async () => {
    const replayed = { status: 202, body: { ...delivery, state: 'waiting' } };
    server.script({ status: 409, body: { code: 'NOT_REPLAYABLE', detail: 'The postback is archived' } }, replayed);

    const { code, out, err } = await run('replay', 'a', 'b');

    expect([code, out]).toEqual([1, 'Replaying b, which is waiting now\n']);
    expect(err).toContain('a: The postback is archived (NOT_REPLAYABLE)');
    expect(server.calls.map(({ path }) => path)).toEqual(['/v1/deliveries/a/replay', '/v1/deliveries/b/replay']);
  });
});

describe('flowback deliveries redrive', () => {
  const found = (count: number) => ({ body: { items: [], count } });
  const redriven = (redriven: number, remaining: number, more: object = {}) => ({
    body: { redriven, malformed: 0, discarded: 0, remaining, ...more },
  });

  it('goes on until nothing is left, and tells how many', async () => {
    server.script(found(250), redriven(150, 100), redriven(100, 0));

    const { code, out, err } = await run('redrive');

    expect([code, out]).toEqual([0, '250 sent again, 0 left\n']);
    expect(err).toContain('About 250 dead letters');
    expect(server.calls.slice(1).map(({ body }) => body)).toEqual(Array(2).fill({ discard_malformed: false }));
  });

  it('ends with 1 where messages of no delivery stay, and says what to do', async () => {
    server.script(found(3), redriven(1, 2, { malformed: 2 }));

    const { code, out, err } = await run('redrive');

    expect([code, out]).toEqual([1, '1 sent again, 2 of no delivery, 2 left\n']);
    expect(err).toContain('--discard-malformed');
    expect(server.calls).toHaveLength(2);
  });

  it('does not forget those that a call before met, and which are hidden for a while', async () => {
    server.script(found(252), redriven(150, 102, { malformed: 2 }), redriven(100, 2));

    const { code, out } = await run('redrive');

    expect([code, out]).toEqual([1, '250 sent again, 2 of no delivery, 2 left\n']);
    expect(server.calls).toHaveLength(3);
  });

  it('ends if a call does nothing more, whatever the queue says of what is left', async () => {
    server.script(found(3), redriven(0, 3));

    const { code, out } = await run('redrive', '--discard-malformed');

    expect([code, out]).toEqual([0, '0 sent again, 3 left\n']);
    expect(server.calls.slice(1).map(({ body }) => body)).toEqual([{ discard_malformed: true }]);
  });
});
