import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import type { Message } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { addPublisher, countStates, deliveriesOf, sell, tellAt } from './delivery-world.ts';
import { createWorld, manage } from './deployment.ts';
import type { World } from './deployment.ts';
import type { FailingNetwork } from './failing-network.ts';
import { inTurns } from './in-turns.ts';
import { startPublisher } from './publisher.ts';
import type { Publisher } from './publisher.ts';

/** Messages of a batch, of which one is poison. */
const BATCH = 10;
const BATCHES = 5;
const LETTERS_A_SALE = 20;
const MAX_RECEIVES = 5;
const POISON = JSON.stringify({ this: 'is no hint' });

/**
 * What must hold of `count` hints (a multiple of 20) that failed too often, and of those beside them. What it answers is the other half, for later:
 * a message of nothing is tried for half a minute, while workers may be killed so many times.
 */
export function deadLetterTests(count: number, kills: number, use: () => FailingNetwork): () => void {
  let publisher: Publisher;
  let letters: World;
  let mates: World;

  beforeAll(async () => {
    publisher = await startPublisher();
    const world = await createWorld(use().local);
    const postbacks = (many: number) => Array.from({ length: many }, () => tellAt(publisher.url));
    letters = await addPublisher(use().local, world, 'letters', postbacks(LETTERS_A_SALE));
    mates = await addPublisher(use().local, world, 'mates', postbacks(BATCH - 1));
  });
  afterAll(() => publisher.stop());

  const states = async ({ publisher: id }: World) => countStates(await deliveriesOf(use().local, `publisher_id=${id}`));
  const callsOf = async ({ publisher: id }: World) => {
    const deliveries = await deliveriesOf(use().local, `publisher_id=${id}`);
    return deliveries.map((delivery) => publisher.calls.filter(({ webhookId }) => webhookId === delivery.id).length);
  };
  const redrive = (body: object) => manage(use().local, 'POST', 'dead-letters/redrive', body);

  it(`${count} dead letters that are redriven twice at once are delivered, each once (invariant 7)`, async () => {
    const network = use();
    const { notifications, local } = network;
    const resume = await holdReceivers(network);
    const sales = Array.from({ length: count / LETTERS_A_SALE + BATCHES }, (_, sale) => sale);
    await inTurns(sales, 4, (sale) => sell(local, sale < count / LETTERS_A_SALE ? letters : mates, `held-${sale}`));
    const ofLetters = await deliveriesOf(local, `publisher_id=${letters.publisher}`);
    const ofMates = await deliveriesOf(local, `publisher_id=${mates.publisher}`);
    const hints = await takeHints(
      network,
      [...ofLetters, ...ofMates].map(({ id }) => id),
    );
    const hintsOf = (deliveries: typeof ofLetters) => deliveries.map(({ id }) => hints.get(id) ?? '');
    expect(ofLetters).toHaveLength(count);
    await send(network, notifications.deadLetters, hintsOf(ofLetters));
    for (let first = 0; first < ofMates.length; first += BATCH - 1) {
      const [one = '', ...others] = hintsOf(ofMates.slice(first, first + BATCH - 1));
      await send(network, notifications.queue, [one, POISON, ...others]);
    }
    expect(publisher.calls).toEqual([]);
    resume();

    // On a slow machine one call does not get through all of them.
    for (let redriven = 0; redriven < ofLetters.length;) {
      const answers = await Promise.all([redrive({}), redrive({})]);
      expect(answers.map(({ status }) => status)).toEqual([200, 200]);
      redriven += answers.reduce((sum, { body }) => sum + (body as { redriven: number }).redriven, 0);
    }
    // One that met slow storage waits for the sweeper, which comes each minute.
    await expect
      .poll(() => states(letters), { timeout: 150_000, interval: 500 })
      .toEqual({ delivered: ofLetters.length });
    expect(await callsOf(letters)).toEqual(ofLetters.map(() => 1));
  }, 240_000);

  return () => {
    it(`a message of nothing stops none beside it and is a dead letter after ${MAX_RECEIVES} receives`, async () => {
      const network = use();
      const { local } = network;
      const mateCount = BATCHES * (BATCH - 1);
      await expect.poll(() => states(mates), { timeout: 120_000, interval: 500 }).toEqual({ delivered: mateCount });
      const dead = async () => {
        const { body } = await manage(local, 'GET', 'dead-letters');
        return (body as { count: number }).count;
      };
      await expect.poll(dead, { timeout: 120_000, interval: 1_000 }).toBe(BATCHES);
      expect(await callsOf(mates)).toEqual(Array<number>(mateCount).fill(1));
      const failed = network.logs().match(/"message_malformed"/g) ?? [];
      expect(failed.length).toBeLessThanOrEqual(BATCHES * MAX_RECEIVES);
      // A worker that is killed says nothing of what it has just received.
      expect(failed.length).toBeGreaterThanOrEqual(BATCHES * (MAX_RECEIVES - Math.min(kills, MAX_RECEIVES - 1)));

      await expect
        .poll(async () => (await redrive({ discard_malformed: true })).body, { timeout: 60_000, interval: 1_000 })
        .toMatchObject({ remaining: 0 });
    }, 360_000);
  };
}

/** Lets nobody receive hints until the answer is called: one poll that was under way gets a hint of no delivery. */
async function holdReceivers({ sqs, sqsClient, notifications }: FailingNetwork): Promise<() => void> {
  let refused = false;
  sqs.plan = (target) => {
    if (!target.endsWith('.ReceiveMessage')) return 'ok';
    refused = true;
    return 'reject';
  };
  const MessageBody = JSON.stringify({ delivery_id: 'none' });
  await sqsClient.send(new SendMessageCommand({ QueueUrl: notifications.queue, MessageBody }));
  await expect.poll(() => refused, { timeout: 30_000, interval: 20 }).toBe(true);
  return () => (sqs.plan = () => 'ok');
}

/** Takes the hints of these deliveries out of the queue; others are left there. */
async function takeHints(
  { sqsClient, notifications: { queue: QueueUrl } }: FailingNetwork,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const wanted = new Set(ids);
  const taken = new Map<string, string>();
  const left: Message[] = [];
  const entries = (messages: readonly Message[]) =>
    messages.map(({ ReceiptHandle = '' }, index) => ({ Id: String(index), ReceiptHandle }));
  while (taken.size < wanted.size) {
    const { Messages = [] } = await sqsClient.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 5 }),
    );
    const idOf = ({ Body = '' }: Message) => (JSON.parse(Body) as { delivery_id?: string }).delivery_id ?? '';
    const ours = Messages.filter((message) => wanted.has(idOf(message)));
    for (const message of ours) taken.set(idOf(message), message.Body ?? '');
    left.push(...Messages.filter((message) => !ours.includes(message)));
    if (Messages.length === 0) throw new Error(`only ${taken.size} of ${wanted.size} hints were in the queue`);
    if (ours.length > 0) await sqsClient.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: entries(ours) }));
  }
  for (let first = 0; first < left.length; first += 10) {
    const Entries = entries(left.slice(first, first + 10)).map((entry) => ({ ...entry, VisibilityTimeout: 0 }));
    await sqsClient.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
  }
  return taken;
}

async function send({ sqsClient }: FailingNetwork, QueueUrl: string, bodies: readonly string[]): Promise<void> {
  for (let first = 0; first < bodies.length; first += 10) {
    const Entries = bodies.slice(first, first + 10).map((MessageBody, index) => ({ Id: String(index), MessageBody }));
    await sqsClient.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
}
