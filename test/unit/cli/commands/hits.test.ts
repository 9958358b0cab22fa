import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
beforeEach(async () => {
  server = await startDocumentedApi();
});
afterEach(() => server.stop());

const ID = '2al2llnid4mqdxrivh7w3lpk';
const hit = { id: ID, at: '2026-11-22T12:00:00.000Z', code: 'UNKNOWN_GOAL', sender_id: 'xyz', query: 'goal=zzz' };
const recorded = {
  ...{ ...hit, result: 'accepted', code: 'OK', message: 'Recorded', warnings: [], conversion_id: ID },
  ...{ conversion_status: 'approved', payout: '2.50', revenue: '4.00', currency: 'USD' },
};

function run(...args: readonly string[]) {
  return runCli(['hits', ...args], { env: { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'key' } });
}

describe('flowback hits', () => {
  it('lists by every filter of the API', async () => {
    server.script({ body: { items: [hit], next_cursor: null } });

    const { out } = await run(
      '--sender',
      's',
      '--advertiser',
      'a',
      '--code',
      'UNKNOWN_GOAL',
      '--from',
      'f',
      '--to',
      't',
    );

    expect(server.calls[0]?.query).toEqual({
      ...{ sender_id: 's', advertiser_id: 'a', code: 'UNKNOWN_GOAL', from: 'f', to: 't', limit: '50' },
    });
    expect(out).toContain(`${ID}  2026-11-22 12:00  UNKNOWN_GOAL  xyz     goal=zzz`);
  });

  it.each(['goal', '=sale', ''])('refuses --set %j before it tries anything', async (text) => {
    const { code, err } = await run('retry', ID, `--set=${text}`);

    expect([code, server.calls.length]).toEqual([2, 0]);
    expect(err).toContain('--set takes NAME=VALUE');
  });

  it('tries again with corrections, of which an empty one takes a parameter away', async () => {
    server.script({ body: recorded });

    const { code, out } = await run('retry', ID, '--set', 'goal=', '--set', 'sub1=a=b', '--sender', 'xyz');

    expect(code).toBe(0);
    expect(server.calls[0]?.body).toEqual({ goal: null, sub1: 'a=b', sender_id: 'xyz' });
    expect(out).toBe(`${ID}: Recorded (OK)\n  conversion ${ID}: approved, payout 2.50 USD, revenue 4.00 USD\n`);
  });

  it('ends with 1 if one is refused again, and goes on with the others', async () => {
    server.script({ body: { ...hit, result: 'rejected', message: 'No such goal' } }, { body: recorded });

    const { code, out, err } = await run('retry', 'a', 'b');

    expect(code).toBe(1);
    expect(err).toContain('a: refused again: No such goal (UNKNOWN_GOAL)');
    expect(out).toContain('b: Recorded (OK)');
  });
});
