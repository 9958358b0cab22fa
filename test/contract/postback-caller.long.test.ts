import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createPostbackCaller } from '../../lambdas/adapters/http/postback-caller.ts';
import { createResolve } from '../../lambdas/adapters/http/resolve.ts';
import { startNameServer } from '../support/name-server.ts';
import type { DnsAnswer, NameServer } from '../support/name-server.ts';
import { MISBEHAVIOURS, startPublisher } from '../support/publisher.ts';
import type { Publisher } from '../support/publisher.ts';

const ROUNDS = 50;
const AT_ONCE = 4;
const DNS_ANSWERS: readonly DnsAnswer[] = ['silence', 'garbage', 'serverFailure', [], ['10.0.0.1'], ['127.0.0.1']];

let publisher: Publisher;
let nameServer: NameServer;

beforeAll(async () => {
  [publisher, nameServer] = await Promise.all([startPublisher(), startNameServer()]);
  publisher.plan = ({ path }) => MISBEHAVIOURS.find((name) => path === `/${name}`) ?? 200;
  nameServer.answer = (_, name) => DNS_ANSWERS[Number(name.split('.')[0])] ?? [];
});

afterAll(() => Promise.all([publisher.stop(), nameServer.stop()]));

/** What keeps this process busy once all connections are gone; less than the 3 s that a connect timer would stay. */
async function leftOver(): Promise<string[]> {
  await vi.waitFor(() => expect(publisher.open).toBe(0));
  await sleep(200);
  return process.getActiveResourcesInfo().sort();
}

it(`leaves no socket, timer or question behind after ${ROUNDS * AT_ONCE} calls that end in each way`, async () => {
  const resolve = createResolve([nameServer.address]);
  const caller = createPostbackCaller({ allowLoopback: true, resolve, deadline: 250 });
  const call = (url: string) => caller.call({ method: 'GET', url, headers: {}, body: null });
  const urls = [
    publisher.url,
    ...MISBEHAVIOURS.map((name) => `${publisher.url}/${name}`),
    ...DNS_ANSWERS.map((_, i) => `http://${i}.example:${publisher.port}/`),
    `https://localhost:${publisher.tlsPort}/`,
    `https://127.0.0.1:${publisher.port}/`,
    'http://127.0.0.1:1/',
    'http://10.0.0.1/',
  ];
  await call(publisher.url);
  const before = await leftOver();

  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(urls.flatMap((url) => Array.from({ length: AT_ONCE }, () => call(url))));
  }

  expect(new Set(publisher.calls.map(({ behaviour }) => behaviour))).toEqual(new Set([200, ...MISBEHAVIOURS]));
  expect(await leftOver()).toEqual(before);
}, 120_000);
