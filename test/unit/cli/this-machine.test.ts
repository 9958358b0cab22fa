import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

import { startDocumentedApi } from '../../support/documented-api.ts';

const FLOWBACK = fileURLToPath(new URL('../../../cli/flowback.js', import.meta.url));

it('does all that it was told to where nobody reads on what it prints, as with `| head -1`', async () => {
  const server = await startDocumentedApi();
  server.script({ status: 204, text: '' });
  try {
    const child = spawn(process.execPath, [FLOWBACK, 'publishers', 'archive', 'tia', 'ben', 'eve'], {
      env: { ...process.env, FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'the-key' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    child.stderr.destroy();

    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(server.calls.map(({ path }) => path.split('/').at(-1))).toEqual(['tia', 'ben', 'eve']);
  } finally {
    await server.stop();
  }
});
