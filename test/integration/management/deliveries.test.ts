import { randomBytes } from 'node:crypto';
import { ReceiveMessageCommand, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toConversionItem } from '../../../lambdas/adapters/dynamodb/conversion-item.ts';
import { createPostbackCatalog } from '../../../lambdas/adapters/dynamodb/catalog.ts';
import { toDeliveryItem } from '../../../lambdas/adapters/dynamodb/delivery-item.ts';
import { createDeliveryStore } from '../../../lambdas/adapters/dynamodb/deliveries.ts';
import { withoutAttributes } from '../../../lambdas/adapters/dynamodb/items.ts';
import type { Item } from '../../../lambdas/adapters/dynamodb/items.ts';
import { createPostbackHealthStore } from '../../../lambdas/adapters/dynamodb/postback-health.ts';
import { parseDeliveryHint } from '../../../lambdas/adapters/sqs/hints.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import { newSortableId } from '../../../lambdas/core/ids.ts';
import { aConversion } from '../../support/conversions.ts';
import { aDelivery } from '../../support/deliveries.ts';
import { keyOf, startManagement } from '../../support/management.ts';
import type { CallOptions, Management, Reply } from '../../support/management.ts';
import { startPublisher } from '../../support/publisher.ts';
import type { Publisher } from '../../support/publisher.ts';

const HOUR = 3_600_000;
const NOW = Date.now();
const EXHAUSTED: Partial<Delivery> = {
  state: 'exhausted',
  attempts: 11,
  scheduleStep: 10,
  nextAttemptAt: null,
  dueAt: null,
  stuckAt: NOW - HOUR,
};
const FAILED: Partial<Delivery> = { attempts: 3, nextAttemptAt: NOW + HOUR, dueAt: NOW + HOUR, stuckAt: NOW - HOUR };
const HELD: Partial<Delivery> = { nextAttemptAt: NOW - HOUR, dueAt: NOW + 6 * HOUR, stuckAt: NOW - HOUR };

let api: Management;
let receiver: Publisher;
beforeAll(async () => {
  receiver = await startPublisher();
  api = await startManagement({ LOCAL_EGRESS: 'loopback' });
  await api.create('/v1/publishers', { id: 'tia', name: 'Tia' });
  await api.create('/v1/publishers', { id: 'ben', name: 'Ben' });
});
afterAll(() => Promise.all([api.stop(), receiver.stop()]));

const newConversionId = () => newSortableId(NOW, (length) => new Uint8Array(randomBytes(length)));

/** Stores a delivery, of a conversion of its own unless it says of which. */
async function store(overrides: Partial<Delivery> = {}, raw: (item: Item) => Item = (item) => item): Promise<Delivery> {
  const times = { createdAt: NOW, nextAttemptAt: NOW, dueAt: NOW };
  const delivery = aDelivery({ publisherId: 'tia', subjectId: newConversionId(), ...times, ...overrides });
  await api.put('deliveries', raw(toDeliveryItem(delivery)));
  return delivery;
}

const stored = async (id: string) =>
  createDeliveryStore(api.storage.client, api.storage.tables.deliveries).delivery(id);

/** Makes a postback of Tia's to the receiver and answers its id. */
async function aPostback(fields: object = {}): Promise<string> {
  const body = { publisher_id: 'tia', url: `${receiver.url}/in?cid={p1}&event={event}`, ...fields };
  return ((await api.create('/v1/postbacks', body)).body as { id: string }).id;
}

const post = (path: string, body?: unknown, options: CallOptions = {}) => api.call('POST', path, { body, ...options });

/** Empties the queue of hints. */
async function hints(): Promise<string[]> {
  const ids: string[] = [];
  for (;;) {
    const command = new ReceiveMessageCommand({ QueueUrl: api.queues.notifications, MaxNumberOfMessages: 10 });
    const { Messages = [] } = await api.sqs.send(command);
    if (Messages.length === 0) return ids.sort();
    ids.push(...Messages.map(({ Body = '' }) => parseDeliveryHint(Body) ?? Body));
  }
}

const idsOf = ({ body }: Reply) => (body as { items: { id: string }[] }).items.map(({ id }) => id).sort();

describe("a publisher's key", () => {
  let own: Delivery;
  let network: Delivery;
  let foreign: Delivery;
  let older: Delivery;
  const asTia = { key: keyOf('publisher') };
  beforeAll(async () => {
    own = await store({ postbackId: 'own' });
    network = await store({ postbackId: 'network', audience: 'network' });
    foreign = await store({ postbackId: 'own', publisherId: 'ben' });
    older = await store({ postbackId: 'own', state: 'delivered' }, (item) => withoutAttributes(item, ['audience']));
  });

  test('sees its own deliveries one by one, and nothing of others or of the postbacks of the network', async () => {
    for (const { id } of [own, older]) {
      const { status, body } = await api.call('GET', `/v1/deliveries/${id}`, asTia);
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('audience');
    }
    const [none, ...others] = await Promise.all(
      [`${newConversionId()}_1`, network.id, foreign.id].map((id) => api.call('GET', `/v1/deliveries/${id}`, asTia)),
    );
    expect(none?.status).toBe(404);
    for (const other of others) expect(other).toEqual(none);
  });

  test.each<[string, () => Delivery[]]>([
    ['', () => [own, older]],
    ['publisher_id=tia', () => [own, older]],
    ['state=delivered', () => [older]],
    ['state=exhausted', () => []],
    ['postback_id=own', () => [own, older]],
    ['postback_id=network', () => []],
    ['conversion_id=OWN', () => [own]],
    ['conversion_id=NETWORK', () => []],
    ['conversion_id=FOREIGN', () => []],
    ['conversion_id=FOREIGN&publisher_id=tia', () => []],
  ])('lists with "%s" only its own', async (query, expected) => {
    const path = `/v1/deliveries?${query}`
      .replace('OWN', own.subjectId)
      .replace('NETWORK', network.subjectId)
      .replace('FOREIGN', foreign.subjectId);
    const reply = await api.call('GET', path, asTia);
    expect(reply.status).toBe(200);
    expect(idsOf(reply)).toEqual(
      expected()
        .map(({ id }) => id)
        .sort(),
    );
  });

  test('may not ask for another publisher, nor change anything', async () => {
    expect(await api.call('GET', '/v1/deliveries?publisher_id=ben', asTia)).toMatchObject({ status: 403 });
    expect(await post(`/v1/deliveries/${own.id}/replay`, {}, asTia)).toMatchObject({ status: 403 });
    expect(await api.call('GET', '/v1/dead-letters', asTia)).toMatchObject({ status: 403 });
  });

  test("goes on with its own cursors, and with nobody else's", async () => {
    const first = await api.call('GET', '/v1/deliveries?limit=1', asTia);
    const { next_cursor: mine } = first.body as { next_cursor: string };
    const second = await api.call('GET', `/v1/deliveries?limit=1&cursor=${mine}`, asTia);
    expect([...idsOf(first), ...idsOf(second)].sort()).toEqual([own.id, older.id].sort());
    const ofAdmin = await api.call('GET', '/v1/deliveries?publisher_id=tia&limit=1');
    const { next_cursor: theirs } = ofAdmin.body as { next_cursor: string };
    const moved = { status: 400, body: { code: 'INVALID_CURSOR' } };
    expect(await api.call('GET', `/v1/deliveries?cursor=${theirs}`, asTia)).toMatchObject(moved);
    expect(await api.call('GET', `/v1/deliveries?publisher_id=tia&cursor=${mine}`)).toMatchObject(moved);
  });

  test('of the network sees them all', async () => {
    const reply = await api.call('GET', '/v1/deliveries?publisher_id=tia');
    expect(idsOf(reply)).toEqual([own.id, network.id, older.id].sort());
  });
});

describe('a delivery of a click', () => {
  test('names the click and no conversion', async () => {
    const clickId = `${newConversionId()}${'a'.repeat(8)}`;
    const { id } = await store({ subjectId: clickId, event: 'click_payout' });
    expect((await api.call('GET', `/v1/deliveries/${id}`)).body).toMatchObject({
      conversion_id: null,
      click_id: clickId,
      event: 'click_payout',
    });
  });
});

describe('the replay of a delivery', () => {
  test('answers 202 with the same id, due now, and sends a hint', async () => {
    const postbackId = await aPostback();
    const { id } = await store({ ...EXHAUSTED, postbackId });
    await hints();
    const reply = await post(`/v1/deliveries/${id}/replay`);
    expect(reply).toMatchObject({ status: 202, body: { id, state: 'waiting', postback_id: postbackId } });
    expect(await stored(id)).toMatchObject({ state: 'waiting', attempts: 11, scheduleStep: 0, stuckAt: null });
    expect(await hints()).toEqual([id]);
  });

  test('under an Idempotency-Key happens once', async () => {
    const { id } = await store({ ...EXHAUSTED, postbackId: await aPostback() });
    const headers = { 'idempotency-key': 'replay-once' };
    const first = await post(`/v1/deliveries/${id}/replay`, {}, { headers });
    await hints();
    expect(await post(`/v1/deliveries/${id}/replay`, {}, { headers })).toEqual(first);
    expect(await hints()).toEqual([]);
  });

  test('of one that does not exist is 404, with a body of anything 422', async () => {
    expect(await post(`/v1/deliveries/${newConversionId()}_1/replay`)).toMatchObject({ status: 404 });
    expect(await post('/v1/deliveries/none/replay')).toMatchObject({ status: 404 });
    const unknown = await post('/v1/deliveries/none/replay', { force: true });
    expect(unknown).toMatchObject({ status: 422, body: { errors: [{ pointer: '/force', code: 'UNKNOWN_FIELD' }] } });
  });

  test.each<[string, (postbackId: string) => Promise<Delivery>]>([
    ['is cancelled', (postbackId) => store({ state: 'cancelled', nextAttemptAt: null, dueAt: null, postbackId })],
    ['has no postback any more', () => store({ ...EXHAUSTED, postbackId: 'nowhere' })],
    [
      'tells of a sale that was rejected since',
      async (postbackId) => {
        const delivery = await store({ ...EXHAUSTED, postbackId, values: { status: 'approved' } });
        await api.put('conversions', toConversionItem(aConversion({ id: delivery.subjectId, status: 'rejected' })));
        return delivery;
      },
    ],
    [
      'has an archived postback',
      async (postbackId) => {
        await api.call('DELETE', `/v1/postbacks/${postbackId}`);
        return store({ ...EXHAUSTED, postbackId });
      },
    ],
  ])('that %s is a 409', async (_, make) => {
    const delivery = await make(await aPostback());
    expect(await post(`/v1/deliveries/${delivery.id}/replay`)).toMatchObject({
      status: 409,
      body: { code: 'NOT_REPLAYABLE' },
    });
    expect(await stored(delivery.id)).toEqual(delivery);
  });
});

describe('the replay of a postback', () => {
  test('makes due what failed since a time, once, and tells how many', async () => {
    const postbackId = await aPostback();
    const made = await Promise.all(
      [EXHAUSTED, FAILED, { ...EXHAUSTED, stuckAt: NOW - 9 * HOUR }].map((fields) => store({ ...fields, postbackId })),
    );
    await hints();
    const since = new Date(NOW - 2 * HOUR).toISOString();
    expect(await post(`/v1/postbacks/${postbackId}/replay`, { since })).toMatchObject({
      status: 202,
      body: { replayed: 2, skipped: 0, next_cursor: null },
    });
    expect(await hints()).toEqual([made[0]?.id, made[1]?.id].sort());
    expect(await post(`/v1/postbacks/${postbackId}/replay`, { since })).toMatchObject({ body: { replayed: 0 } });
    expect(await post(`/v1/postbacks/${postbackId}/replay`)).toMatchObject({ body: { replayed: 1 } });
  });

  test.each([
    [{ since: 'yesterday' }, 422, '/since'],
    [{ since: 1_790_000_000 }, 422, '/since'],
    [{ until: '2026-11-22' }, 422, '/until'],
    [[], 422, ''],
  ])('with %j is refused', async (body, status, pointer) => {
    expect(await post(`/v1/postbacks/${await aPostback()}/replay`, body)).toMatchObject({
      status,
      body: { errors: [{ pointer }] },
    });
  });

  test('with a cursor that is none, of none or of an archived one is refused', async () => {
    const postbackId = await aPostback();
    const path = `/v1/postbacks/${postbackId}/replay`;
    expect(await post(path, { cursor: 'x' })).toMatchObject({ status: 400, body: { code: 'INVALID_CURSOR' } });
    expect(await post('/v1/postbacks/nowhere/replay')).toMatchObject({ status: 404 });
    await api.call('DELETE', `/v1/postbacks/${postbackId}`);
    expect(await post(path)).toMatchObject({ status: 409, body: { code: 'ARCHIVED' } });
  });
});

describe('a test call', () => {
  test('is made as a delivery would be, and says what came back', async () => {
    receiver.plan = () => ({ status: 201, body: 'thanks' });
    const postbackId = await aPostback({ method: 'POST_JSON' });
    const calls = receiver.calls.length;
    for (const body of [{ p1: 'a b' }, { values: { p1: 'a b' } }, { macros: { p1: 'a b' } }]) {
      const reply = await post(`/v1/postbacks/${postbackId}/test`, body);
      expect(reply).toMatchObject({
        status: 200,
        body: {
          request: {
            method: 'POST',
            url: `${receiver.url}/in?cid=a%20b&event=created`,
            body: '{"cid":"a b","event":"created"}',
          },
          status: 201,
          error: null,
          body: 'thanks',
        },
      });
      expect((reply.body as { duration_ms: number }).duration_ms).toBeGreaterThanOrEqual(0);
    }
    const made = receiver.calls.slice(calls);
    expect(made).toHaveLength(3);
    expect(made[0]?.webhookId).toMatch(/^test_[a-z2-7]{16}$/);
    expect(new Set(made.map(({ webhookId }) => webhookId)).size).toBe(3);
  });

  test('under an Idempotency-Key is made once', async () => {
    const path = `/v1/postbacks/${await aPostback()}/test`;
    const options = { headers: { 'idempotency-key': 'test-once' } };
    const calls = receiver.calls.length;
    const first = await post(path, {}, options);
    expect(await post(path, {}, options)).toEqual(first);
    expect(receiver.calls).toHaveLength(calls + 1);
  });

  test('says how it failed', async () => {
    receiver.plan = () => 'reset';
    const reply = await post(`/v1/postbacks/${await aPostback({ status: 'paused' })}/test`);
    receiver.plan = () => 200;
    expect(reply).toMatchObject({ status: 200, body: { status: null, error: 'connection_reset', body: null } });
  });

  test.each([
    [{ p11: 'x' }, '/p11 UNKNOWN_FIELD'],
    [{ values: { revenue: '1' } }, '/values/revenue UNKNOWN_FIELD'],
    [{ p1: 5 }, '/p1 INVALID_TYPE'],
    [{ p1: 'x'.repeat(513) }, '/p1 TOO_BIG'],
    [{ event: 'sale' }, '/event INVALID_VALUE'],
  ])('with %j is refused', async (body, expected) => {
    const reply = await post(`/v1/postbacks/${await aPostback()}/test`, body);
    const { errors } = reply.body as { errors: { pointer: string; code: string }[] };
    expect(reply.status).toBe(422);
    expect(errors.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual([expected]);
  });

  test('of an archived postback is refused', async () => {
    const postbackId = await aPostback({ status: 'archived' });
    expect(await post(`/v1/postbacks/${postbackId}/test`)).toMatchObject({ status: 409, body: { code: 'ARCHIVED' } });
  });
});

describe('a postback that fails', () => {
  const healthOf = async (id: string) =>
    ((await api.call('GET', `/v1/postbacks/${id}`)).body as { health: unknown }).health;
  const fail = (id: string) =>
    createPostbackHealthStore(api.storage.client, api.storage.tables.deliveries).failed(id, NOW);
  const disable = async (id: string) => {
    const catalog = createPostbackCatalog(api.storage.client, api.storage.tables.catalog);
    const postback = await catalog.postback(id);
    if (postback === null || !(await catalog.disable(postback, 'gone', NOW))) throw new Error(`${id} stays`);
  };

  test('shows since when, and when it will be disabled', async () => {
    const id = await aPostback();
    expect(await healthOf(id)).toBeNull();
    await fail(id);
    const at = new Date(NOW).toISOString();
    expect(await healthOf(id)).toEqual({
      failing_since: at,
      failures: 1,
      last_failure_at: at,
      disables_at: new Date(NOW + 72 * HOUR).toISOString(),
    });
    await api.call('PATCH', `/v1/postbacks/${id}`, { body: { status: 'paused' } });
    expect(await healthOf(id)).toMatchObject({ failures: 1, disables_at: null });
  });

  test('can be sent back as it was read, and begins anew with another URL', async () => {
    const id = await aPostback();
    await fail(id);
    const { body } = await api.call('GET', `/v1/postbacks/${id}`);
    expect(await api.call('PATCH', `/v1/postbacks/${id}`, { body })).toMatchObject({ status: 200 });
    expect(await healthOf(id)).toMatchObject({ failures: 1 });
    await api.call('PATCH', `/v1/postbacks/${id}`, { body: { url: `${receiver.url}/elsewhere` } });
    expect(await healthOf(id)).toBeNull();
  });

  test('and was disabled says why, stays so when it is changed, and lets go what waits once it is active', async () => {
    const id = await aPostback();
    await fail(id);
    await disable(id);
    const held = await store({ ...HELD, postbackId: id });
    const failed = await store({ ...FAILED, postbackId: id });
    await hints();
    const disabled = { status: 'disabled', disabled_at: new Date(NOW).toISOString(), disabled_reason: 'gone' };
    expect((await api.call('GET', `/v1/postbacks/${id}`)).body).toMatchObject(disabled);

    const renamed = await api.call('PATCH', `/v1/postbacks/${id}`, { body: { ...disabled, mode: 'add' } });
    expect(renamed).toMatchObject({ status: 200, body: { ...disabled, mode: 'add' } });
    expect(await healthOf(id)).toMatchObject({ failures: 1 });
    expect(await hints()).toEqual([]);

    const activated = await api.call('PATCH', `/v1/postbacks/${id}`, { body: { status: 'active' } });
    expect(activated).toMatchObject({
      status: 200,
      body: { status: 'active', disabled_at: null, disabled_reason: null },
    });
    expect(await healthOf(id)).toBeNull();
    expect(await hints()).toEqual([held.id]);
    expect(await stored(held.id)).toMatchObject({ state: 'waiting', stuckAt: null });
    expect(await stored(failed.id)).toEqual(failed);
  });

  test('lets go what waits also if a patch gives it back its default status', async () => {
    const id = await aPostback({ status: 'paused' });
    const held = await store({ ...HELD, postbackId: id });
    await hints();

    const patched = await api.call('PATCH', `/v1/postbacks/${id}`, { body: { status: null } });

    expect(patched).toMatchObject({ status: 200, body: { status: 'active' } });
    expect(await hints()).toEqual([held.id]);
  });

  test('cannot be disabled by hand', async () => {
    const id = await aPostback({ status: 'paused' });
    for (const body of [
      { status: 'disabled' },
      { disabled_reason: 'gone' },
      { disabled_at: new Date(NOW).toISOString() },
    ]) {
      expect(await api.call('PATCH', `/v1/postbacks/${id}`, { body })).toMatchObject({ status: 422 });
    }
  });
});

describe('dead letters', () => {
  /** At most ten. */
  const bury = (...bodies: string[]) =>
    api.sqs.send(
      new SendMessageBatchCommand({
        QueueUrl: api.queues.deadLetters,
        Entries: bodies.map((body, i) => ({ Id: String(i), MessageBody: body })),
      }),
    );

  test('are looked at without being touched', async () => {
    await bury('poison');
    const { body } = await api.call('GET', '/v1/dead-letters');
    expect(body).toMatchObject({ count: 1, items: [{ delivery_id: null, body: 'poison' }] });
    const { items } = body as { items: { message_id: string; sent_at: string }[] };
    expect(items[0]?.message_id).toMatch(/./);
    expect(Date.parse(items[0]?.sent_at ?? '')).toBeGreaterThanOrEqual(NOW);
  });

  test('are sent back twice at once: each is told by its row, none is in a wrong state (invariant 7)', async () => {
    const deliveries = await Promise.all(
      Array.from({ length: 200 }, (_, i) =>
        store(i % 2 === 0 ? {} : { state: 'delivered', attempts: 1, nextAttemptAt: null, dueAt: null }),
      ),
    );
    for (let i = 0; i < deliveries.length; i += 10) {
      await bury(...deliveries.slice(i, i + 10).map(({ id }) => JSON.stringify({ delivery_id: id })));
    }
    await hints();

    let redriven = 0;
    let remaining;
    do {
      const replies = await Promise.all([post('/v1/dead-letters/redrive'), post('/v1/dead-letters/redrive', {})]);
      const counts = replies.map(({ body }) => body as { redriven: number; remaining: number });
      for (const count of counts) redriven += count.redriven;
      remaining = Math.min(...counts.map((count) => count.remaining));
    } while (remaining > 1);

    expect(redriven).toBe(200);
    expect(await hints()).toEqual(deliveries.map(({ id }) => id).sort());
    for (const delivery of deliveries.slice(0, 20)) expect(await stored(delivery.id)).toEqual(delivery);
  });

  test('with a body of anything are refused', async () => {
    const reply = await post('/v1/dead-letters/redrive', { discard_malformed: 'yes', all: true });
    const { errors } = reply.body as { errors: { pointer: string }[] };
    expect(errors.map(({ pointer }) => pointer).sort()).toEqual(['/all', '/discard_malformed']);
  });
});
