import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parsePostback, readToken } from '../../../lambdas/core/postback-request.ts';
import { readCall } from '../../../lambdas/core/received-call.ts';
import type { InboundCall } from '../../../lambdas/core/received-call.ts';
import { aCall } from '../../support/conversions.ts';
import { docBlocks } from '../../support/integration-docs.ts';

const run = promisify(execFile);
const ANSWER = { result: 'accepted', code: 'OK' };

interface Snippet {
  readonly info: string;
  readonly command: string;
  /** How it is told to run a text. */
  readonly flags: readonly string[];
  readonly waits: string;
}

const SNIPPETS: readonly Snippet[] = [
  { info: 'php postback-php', command: 'php', flags: ['-r'], waits: '[0, 1, 5]' },
  { info: 'js postback-node', command: 'node', flags: ['--input-type=module', '-e'], waits: '[0, 1, 5]' },
  { info: 'python postback-python', command: 'python3', flags: ['-c'], waits: '(0, 1, 5)' },
  { info: 'sh postback-curl', command: 'sh', flags: ['-c'], waits: '--retry 3' },
];

for (const { info, command, flags, waits } of SNIPPETS) {
  const needs = info.startsWith('sh ') ? 'curl' : command;
  // In the gate all of them run, or fail.
  const runs = process.env['CI'] !== undefined || spawnSync(needs, ['--version']).status === 0;

  (runs ? test.concurrent : test.skip)(
    `"${info}" reports what it shows and tries again after a 503${runs ? '' : ` (NOT RUN: no ${needs} here)`}`,
    async () => {
      await using network = await startNetwork();
      const text = snippet(info)
        .replace('https://track.example', network.url)
        .replace('<?php', '')
        .replace(waits, waits.replaceAll(/[15]/g, '0').replace('3', '3 --retry-delay 1'));
      const { stdout } = await run(command, [...flags, text], {
        env: { ...process.env, NO_PROXY: '*', no_proxy: '*' },
      });

      expect(stdout).toContain('accepted');
      expect(network.calls).toHaveLength(2);
      for (const call of network.calls) expectSale(call);
    },
  );
}

test('"php postback-php" names what the others report, also where no PHP can run it', () => {
  const php = snippet('php postback-php');
  const said = [...php.matchAll(/'(\w+)' => '([^']+)'/g)].map(([, name = '', value = '']): [string, string] => [
    name,
    value,
  ]);
  expectSale(
    aCall({
      method: 'POST',
      contentType: 'application/x-www-form-urlencoded',
      authorization: /'Authorization: ([^']+)'/.exec(php)?.[1] ?? null,
      body: Buffer.from(new URLSearchParams(said).toString()),
    }),
  );
});

test('"sh postback-reject" takes back the sale by its txn_id alone', () => {
  const said = [...snippet('sh postback-reject').matchAll(/--data-urlencode '(\w+=[^']+)'/g)].map(([, pair]) => pair);
  expect(read(aCall({ query: said.join('&') }))).toMatchObject({ clickId: null, txnId: 'ORDER-1', status: 'rejected' });
});

function snippet(info: string): string {
  const [block] = docBlocks(info);
  if (block === undefined) throw new Error(`no page has a block "${info}"`);
  return block.text;
}

function expectSale(call: InboundCall): void {
  const sale = { clickId: 'CLICK_ID', txnId: 'ORDER-1', goal: 'sale', saleAmount: '49.90', currency: 'USD' };
  expect(call.method).toBe('POST');
  expect(read(call)).toMatchObject(sale);
  const received = readCall(call);
  expect(typeof received === 'string' ? null : readToken(received, null)).toBe('TOKEN');
}

function read(call: InboundCall) {
  const received = readCall(call);
  return typeof received === 'string' ? received : parsePostback(received, null);
}

/** Answers the first call 503, as while storage is down, all others `OK`. */
async function startNetwork() {
  const calls: InboundCall[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      if (url !== '/postback/ADVERTISER') return void response.writeHead(404).end();
      calls.push(
        aCall({
          method,
          contentType: headers['content-type'] ?? null,
          authorization: headers.authorization ?? null,
          body: Buffer.concat(chunks),
        }),
      );
      response.writeHead(calls.length === 1 ? 503 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(ANSWER));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
