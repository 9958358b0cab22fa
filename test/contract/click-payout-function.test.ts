import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { toClickItem } from '../../lambdas/adapters/dynamodb/click-item.ts';
import { createClickLedger } from '../../lambdas/adapters/dynamodb/click-ledger.ts';
import { createConversionStore } from '../../lambdas/adapters/dynamodb/conversions.ts';
import { fromDeliveryItem } from '../../lambdas/adapters/dynamodb/delivery-item.ts';
import { fromItem, toItem } from '../../lambdas/adapters/dynamodb/items.ts';
import type { Item } from '../../lambdas/adapters/dynamodb/items.ts';
import { readPartition } from '../../lambdas/adapters/dynamodb/reads.ts';
import type { ClickLedgerRow } from '../../lambdas/core/click-payout.ts';
import type { Click, Postback } from '../../lambdas/core/entities.ts';
import { toMicros } from '../../lambdas/core/money.ts';
import type { ClickLedger } from '../../lambdas/core/ports.ts';
import { toWire } from '../../lambdas/core/wire.ts';
import { aDelivery, aPostback } from '../support/deliveries.ts';
import { aClick } from '../support/entities.ts';
import { FakeClickLedger } from '../support/fakes/click-ledger.ts';
import { startStorage } from '../support/storage.ts';
import type { Storage } from '../support/storage.ts';

let storage: Storage;
let handler: (event: DynamoDBStreamEvent) => Promise<DynamoDBBatchResponse>;
let written: string;

beforeAll(async () => {
  storage = await startStorage();
  vi.stubEnv('AWS_REGION', 'us-east-1');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', storage.endpoint);
  vi.stubEnv('CATALOG_TABLE', storage.tables.catalog);
  vi.stubEnv('CONVERSIONS_TABLE', storage.tables.conversions);
  vi.stubEnv('DELIVERIES_TABLE', storage.tables.deliveries);
  // Nothing answers there: what is told is found without a hint, too.
  vi.stubEnv('AWS_ENDPOINT_URL_SQS', 'http://127.0.0.1:1');
  vi.stubEnv('NOTIFICATIONS_QUEUE_URL', 'http://127.0.0.1:1/notifications');
  vi.resetModules();
  ({ handler } = await import('../../lambdas/click-payout/handler.ts'));
});

afterAll(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  await storage.stop();
});

beforeEach(() => {
  written = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += String(text);
    return true;
  });
});

let clicks = 0;
function paidClick(overrides: Partial<Click> = {}): Click {
  const id = (++clicks).toString(26).padStart(32, 'a');
  return aClick({ id, payout: { amount: toMicros(20_000), currency: 'EUR' }, ...overrides });
}

/** Through JSON, as Lambda hands it over. */
const streamOf = (...images: (Item | undefined)[]) =>
  JSON.parse(
    JSON.stringify({
      Records: images.map((NewImage, index) => ({ dynamodb: { NewImage, SequenceNumber: String(index) } })),
    }),
  ) as DynamoDBStreamEvent;
const rowsOf = async ({ id }: Click) =>
  (await readPartition(storage.client, storage.tables.conversions, { pk: `click#${id}` })).map(fromItem);
const logged = () =>
  written
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

/** Saves a postback as conversions and clicks find it. */
async function savePostback(postback: Postback) {
  const item = { ...(toWire(postback) as object), pk: `postback_of#${postback.publisherId}`, sk: postback.id };
  await storage.client.send(new PutItemCommand({ TableName: storage.tables.catalog, Item: toItem(item) }));
}
const deliveriesOf = async ({ id }: Pick<Click, 'id'>) =>
  (await readPartition(storage.client, storage.tables.deliveries, { pk: id })).map(fromDeliveryItem);

describe.each<[string, () => { ledger: ClickLedger; deliveries: (click: { id: string }) => Promise<unknown[]> }]>([
  [
    'in memory',
    () => {
      const ledger = new FakeClickLedger();
      const all = () => [...ledger.deliveries.values()];
      return { ledger, deliveries: async ({ id }) => all().filter(({ subjectId }) => subjectId === id) };
    },
  ],
  [
    'on DynamoDB Local',
    () => ({ ledger: createClickLedger(storage.client, storage.tables), deliveries: deliveriesOf }),
  ],
])('the ledger of clicks %s', (_, subject) => {
  const rowOf = ({ id: clickId, campaignId, publisherId, advertiserId }: Click): ClickLedgerRow => ({
    ...{ clickId, number: 1, at: 1, payout: toMicros(1), revenue: toMicros(0), currency: 'EUR', code: 'OK' },
    ...{ campaignId, publisherId, advertiserId },
  });

  it('takes a click with its deliveries, or without', async () => {
    const { ledger, deliveries } = subject();
    const [told, untold] = [paidClick(), paidClick()];
    const two = [1, 2].map((number) => aDelivery({ subjectId: told.id, number, event: 'click_payout' }));
    expect(await ledger.add(rowOf(told), two)).toBe(true);
    expect(await ledger.add(rowOf(untold), [])).toBe(true);
    expect(await deliveries(told)).toEqual(two);
    expect(await deliveries(untold)).toEqual([]);
  });

  it('takes nothing of a click that it has (invariants 4, 7)', async () => {
    const { ledger, deliveries } = subject();
    const click = paidClick();
    const told = aDelivery({ subjectId: click.id, event: 'click_payout' });
    expect(await ledger.add(rowOf(click), [])).toBe(true);
    expect(await ledger.add(rowOf(click), [told])).toBe(false);
    expect(await ledger.add(rowOf(click), [])).toBe(false);
    expect(await deliveries(click)).toEqual([]);
  });

  it('lets one of many win', async () => {
    const { ledger, deliveries } = subject();
    const click = paidClick();
    const told = (lease: string) => [aDelivery({ subjectId: click.id, event: 'click_payout', lease })];
    const taken = await Promise.all(['a', 'b', 'c', 'd'].map((name) => ledger.add(rowOf(click), told(name))));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await deliveries(click)).toEqual(told('abcd'.charAt(taken.indexOf(true))));
  });
});

it('passes over an item that is no click, with a log line, and books the others', async () => {
  const click = paidClick();

  const response = await handler(streamOf({ id: { S: 'odd' }, po: { N: '1' } }, toClickItem(click)));

  expect(response).toEqual({ batchItemFailures: [] });
  expect(await rowsOf(click)).toHaveLength(1);
  expect(logged()).toEqual([expect.objectContaining({ event: 'click_payout_malformed', click_id: 'odd' })]);
});

it('books nothing for a row that went or a click that does not count', async () => {
  const click = paidClick({ code: 'BOT', payable: false });
  expect(await handler(streamOf(undefined, toClickItem(click)))).toEqual({ batchItemFailures: [] });
  expect(await rowsOf(click)).toEqual([]);
  expect(written).toBe('');
});

it('books a click once, however often and however concurrently it is handed over (invariants 4, 5)', async () => {
  const amount = toMicros(2n ** 53n + 1n);
  const click = paidClick({ payout: { amount, currency: 'EUR' } });
  const event = streamOf(...Array.from({ length: 5 }, () => toClickItem(click)));
  const before = Date.now();

  await Promise.all([handler(event), handler(event)]);
  const first = await rowsOf(click);
  await handler(event);

  expect(await rowsOf(click)).toEqual(first);
  const at = first[0]?.['at'];
  expect(at).toBeGreaterThanOrEqual(before);
  expect(first).toEqual([
    {
      pk: `click#${click.id}`,
      sk: 'ledger#0001',
      click_id: click.id,
      number: 1,
      at,
      payout: amount,
      revenue: 0,
      currency: 'EUR',
      code: 'OK',
      campaign_id: 'summer',
      publisher_id: 'tia',
      advertiser_id: 'xyz',
    },
  ]);
});

it('leaves the goals of a click as they are', async () => {
  const click = paidClick();
  const { conversions: TableName } = storage.tables;
  const goal = { pk: `click#${click.id}`, sk: 'goal#sale', conversion_id: 'c1', open: true, several: false };
  await storage.client.send(new PutItemCommand({ TableName, Item: toItem(goal) }));

  await handler(streamOf(toClickItem(click)));

  expect(await rowsOf(click)).toHaveLength(2);
  expect(await createConversionStore(storage.client, storage.tables).clickGoals(click.id)).toEqual([
    { goal: 'sale', conversionId: 'c1', open: true, several: false },
  ]);
});

it('has a click told once to the postbacks that fire on it, hint or no hint (invariant 7)', async () => {
  await savePostback(aPostback({ id: 'told', publisherId: 'told', fireOn: ['click_payout'] }));
  const click = paidClick({ publisherId: 'told' });
  const event = streamOf(toClickItem(click), toClickItem(paidClick()), toClickItem(click));

  expect(await handler(event)).toEqual({ batchItemFailures: [] });
  const deliveries = await deliveriesOf(click);
  expect(await handler(event)).toEqual({ batchItemFailures: [] });

  expect(deliveries).toMatchObject([{ id: `${click.id}_1`, event: 'click_payout', postbackId: 'told', attempts: 0 }]);
  expect(await deliveriesOf(click)).toEqual(deliveries);
  expect(logged()).toEqual([expect.objectContaining({ event: 'hint_not_sent', delivery_id: `${click.id}_1` })]);
});

it('gives back what storage did not take, with one log line', async () => {
  const [good, lost, unpaid] = [paidClick(), paidClick(), paidClick({ payout: null })];
  await handler(streamOf(toClickItem(good)));
  await storage.stop();

  const response = await handler(streamOf(toClickItem(unpaid), toClickItem(lost), undefined, toClickItem(good)));

  expect(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual(['1', '3']);
  expect(logged()).toEqual([expect.objectContaining({ event: 'click_payouts_failed', failed: 2 })]);
});
