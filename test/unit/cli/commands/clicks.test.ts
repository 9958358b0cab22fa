import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runCli } from '../../../support/cli.ts';
import { startDocumentedApi } from '../../../support/documented-api.ts';
import type { DocumentedApi } from '../../../support/documented-api.ts';

let server: DocumentedApi;
beforeEach(async () => {
  server = await startDocumentedApi();
});
afterEach(() => server.stop());

const click = { id: 'some-click', campaign_id: 'summer', code: 'OK', p1: 'abc', p2: null, conversions: ['one'] };
const conversion = { id: 'one', status: 'pending', code: 'OK', test: true, payout: '2.50', currency: 'USD' };

function run(...args: readonly string[]) {
  return runCli(['clicks', ...args], { env: { FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'key' } });
}

describe('flowback clicks show', () => {
  it('shows what has a value, then the conversions', async () => {
    server.script({ body: click }, { body: { items: [conversion], next_cursor: null } });

    const { code, out } = await run('show', 'some-click');

    expect(code).toBe(0);
    expect(out).toMatch(/^id +some-click\ncampaign_id +summer\ncode +OK\np1 +abc\n\nID /);
    expect(out).toContain('pending (test)  2.50 USD');
    expect(server.calls[1]?.query).toMatchObject({ click_id: 'some-click' });
  });

  it('says that there are none', async () => {
    server.script({ body: { ...click, conversions: [] } });

    const { err } = await run('show', 'some-click');

    expect([err, server.calls.length]).toEqual(['It has no conversions.\n', 1]);
  });

  it('answers scripts with the click as the API has it', async () => {
    server.script({ body: click });

    const { out } = await run('show', 'some-click', '--json');

    expect([JSON.parse(out), server.calls.length]).toEqual([click, 1]);
  });
});
