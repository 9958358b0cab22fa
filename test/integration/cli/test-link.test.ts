import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { runCli } from '../../support/cli.ts';

const servers: Server[] = [];

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** As an operator does, but from a folder that is not the checkout. */
function flowback(...args: string[]): Promise<{ code: unknown; out: string; err: string }> {
  const launcher = new URL('../../../cli/flowback.js', import.meta.url).pathname;
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, ...args], { cwd: '/' }, (error, out, err) => {
      resolve({ code: error === null ? 0 : error.code, out, err });
    });
  });
}

describe('flowback test link', () => {
  let tracker: string;
  let shop: string;
  const seen: string[] = [];

  beforeAll(async () => {
    shop = await serve((request, response) => {
      seen.push(request.headers['user-agent'] ?? '');
      // A body without an end: a landing page is not read.
      response.writeHead(request.url?.startsWith('/gone') === true ? 404 : 200).write('<html>');
    });
    tracker = await serve((request, response) => {
      const url = new URL(request.url ?? '', tracker);
      const location = `${shop}${url.pathname}?name=Zoë&cid=${url.searchParams.get('p1') ?? ''}`;
      // A header is bytes: trackers write UTF-8 into it.
      response.writeHead(302, { location: Buffer.from(location).toString('latin1') }).end();
    });
  });

  afterAll(() => {
    for (const server of servers) server.close().closeAllConnections();
  });

  it('follows real redirects like a browser, to a page that never ends', async () => {
    const { code, out, err } = await flowback('test', 'link', `${tracker}/click?p1=follower-1&source=blog`);

    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('renamed   p1 -> cid');
    expect(out).toContain('lost      source');
    expect(out).toContain(`${shop}/click?name=Zo%C3%AB&cid=follower-1`);
    expect(seen[0]).toMatch(/^Mozilla/);
  });

  it.each([
    ['an error page', () => `${tracker}/gone?p1=1`, 'HTTP_ERROR'],
    ['TLS where none is spoken', () => shop.replace('http:', 'https:'), 'NO_ANSWER'],
    ['a port where nobody listens', () => 'http://127.0.0.1:1/', 'NO_ANSWER'],
  ])('answers 1 and says what is wrong for %s', async (_, link, problem) => {
    const { code, out } = await runCli(['test', 'link', '--json', link()]);

    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ ok: false, landed_at: null, problems: [{ code: problem }] });
  });
});
