import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
beforeEach(async () => {
  server = await startDocumentedApi();
});
afterEach(() => server.stop());

const CONVERSION = 'pd63mmemqewgdoxuxi5mvrs5';
const recorded = {
  status: 201,
  body: {
    id: CONVERSION,
    status: 'approved',
    code: 'OK',
    test: true,
    payout: '2.50',
    revenue: '4.00',
    currency: 'USD',
  },
};

const attempt = (number: number, status: number | null, error: string | null = null) => ({
  ...{ number, at: '2026-11-22T12:00:00.000Z', duration_ms: 40 + number, status, error, body: null },
});

function delivery(postback: string, state: string, attempts: readonly object[] = []) {
  const next = state === 'waiting' ? '2026-11-22T12:00:10.000Z' : null;
  const id = `${CONVERSION}_${postback}`;
  return { id, state, postback_id: postback, publisher_id: 'tia', next_attempt_at: next, attempts };
}

const listed = (...items: readonly object[]) => ({ body: { items, next_cursor: null } });

function run(...args: readonly string[]) {
  const env = { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'key' };
  return runCli(['test', 'conversion', 'some-click', ...args], { env });
}

describe('flowback test conversion', () => {
  it('refuses a wait that is no number of seconds before it records anything', async () => {
    const { code, err } = await run('--wait', 'soon');

    expect([code, server.calls.length]).toEqual([2, 0]);
    expect(err).toContain('--wait must be a whole number of seconds');
  });

  it('ends with 1 and says so if no postback matches', async () => {
    server.script(recorded, listed());

    const { code, out, err } = await run('--wait', '0');

    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('No postback matches');
  });

  it('ends with 1 if a delivery has not arrived in time, and says where to look later', async () => {
    server.script(recorded, listed(delivery('a', 'delivered', [attempt(1, 200)]), delivery('b', 'sending')));

    const { code, out, err } = await run('--wait', '0');

    expect(code).toBe(1);
    expect(out).toBe(
      'delivered  200 after 41 ms  (postback a, publisher tia)\nsending    not sent yet  (postback b, publisher tia)\n',
    );
    expect(err).toContain(`flowback deliveries --conversion ${CONVERSION}`);
  });

  it('says why nothing may be sent for long', async () => {
    server.script(recorded, listed(delivery('a', 'waiting')));

    const { code, err } = await run('--wait', '0');

    expect(code).toBe(1);
    expect(err).toContain('Is the postback paused? flowback postbacks show a');
  });

  it('ends with 1 if a delivery ended without arriving', async () => {
    server.script(recorded, listed(delivery('a', 'exhausted', [attempt(1, 410)])));

    const { code, out, err } = await run();

    expect(code).toBe(1);
    expect(out).toBe('exhausted  410 after 41 ms  (postback a, publisher tia)\n');
    expect(err).not.toContain('later');
  });

  it('tells each attempt once, as it comes, until all have arrived', async () => {
    const failed = attempt(1, null, 'connection_refused');
    server.script(
      recorded,
      listed(),
      listed(delivery('a', 'waiting'), delivery('b', 'sending')),
      listed(delivery('a', 'waiting', [failed]), delivery('b', 'delivered', [attempt(1, 204)])),
      listed(delivery('a', 'sending', [failed]), delivery('b', 'delivered', [attempt(1, 204)])),
      listed(delivery('a', 'delivered', [failed, attempt(2, 200)]), delivery('b', 'delivered', [attempt(1, 204)])),
    );

    const { code, out, err } = await run('--goal', 'sale', '--sale-amount', '9.90', '--txn', 'ORDER-1');

    expect(code).toBe(0);
    expect(err).toBe(`Recorded conversion ${CONVERSION}: approved (test), payout 2.50 USD, revenue 4.00 USD\n`);
    expect(out.split('\n')).toEqual([
      'waiting    connection_refused after 41 ms, again at 2026-11-22T12:00:10.000Z  (postback a, publisher tia)',
      'delivered  204 after 41 ms  (postback b, publisher tia)',
      'delivered  200 after 42 ms  (postback a, publisher tia)',
      '',
    ]);
    expect(server.calls[0]?.body).toEqual({ goal: 'sale', sale_amount: '9.90', txn_id: 'ORDER-1' });
  });

  it('answers scripts with the conversion and its deliveries as the API has them', async () => {
    const arrived = delivery('a', 'delivered', [attempt(1, 200)]);
    server.script(recorded, listed(arrived));

    const { code, out, err } = await run('--json');

    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({ conversion: recorded.body, deliveries: [arrived] });
  });
});
