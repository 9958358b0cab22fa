import { setTimeout as sleep } from 'node:timers/promises';
import { GetQueueAttributesCommand, ListQueuesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { fromClickItem } from '../../lambdas/adapters/dynamodb/click-item.ts';
import type { Click } from '../../lambdas/core/entities.ts';
import { findLostMessages } from '../../tools/lost-messages.ts';
import { createWorld } from './deployment.ts';
import type { World } from './deployment.ts';
import type { FaultPlan } from './fault-proxy.ts';
import { startFailingNetwork } from './failing-network.ts';
import type { FailingNetwork } from './failing-network.ts';

/** A local run whose storage and queues can be made to fail, with all its environments warm for one campaign. */
export interface FailingWorld extends World, FailingNetwork {
  readonly clickSpoolUrl: string;
  /** The visits that warmed the environments up. */
  readonly warmUp: readonly Visit[];
  /** One GET of a tracking link; `campaign`: another one than the world's. */
  visit(campaign?: string): Promise<Visit>;
  /** What is stored, whatever the proxy does. */
  storedClicks(): Promise<Click[]>;
  /** Messages in all queues, dead letters included. */
  queuedMessages(): Promise<number>;
}

export interface Visit {
  readonly status: number;
  /** Null: the destination, or the lack of one, names none. */
  readonly clickId: string | null;
}

const CLICK_SPOOL = /clickspool(?!.*dead)/i;
const USER_AGENT = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** `comesAgainAfter`: seconds after which a message comes again that the spool could not store, if not as the stack has it. */
export async function startFailingWorld(comesAgainAfter?: number): Promise<FailingWorld> {
  // A poll that waits already would go by what was before.
  const holdPolls: FaultPlan = (target) => (target.endsWith('.ReceiveMessage') ? 'reject' : 'ok');
  const network = await startFailingNetwork({}, holdPolls);
  try {
    const { local, sqsClient } = network;
    const world = await createWorld(local);
    const { QueueUrls = [] } = await sqsClient.send(new ListQueuesCommand({}));
    const clickSpoolUrl = QueueUrls.find((url) => CLICK_SPOOL.test(url));
    if (clickSpoolUrl === undefined) throw new Error('no spool');
    if (comesAgainAfter !== undefined) await network.comesAgainAfter(CLICK_SPOOL, comesAgainAfter);
    network.sqs.plan = () => 'ok';

    const visit = async (campaign = world.campaign): Promise<Visit> => {
      const response = await fetch(`${local.url}/c/${campaign}/${world.publisher}`, {
        redirect: 'manual',
        headers: { 'user-agent': USER_AGENT },
      });
      await response.arrayBuffer();
      const location = response.headers.get('location');
      return { status: response.status, clickId: location && new URL(location).searchParams.get('cid') };
    };
    // More at once than there are environments, so that all of them start and read the link. Where the machine is slow
    // to start them some wait too long and are turned away by the runner: those are no clicks.
    const warmUp: Visit[] = [];
    for (let round = 0; round < 3; round++) {
      const answers = await Promise.all(Array.from({ length: 24 }, () => visit()));
      warmUp.push(...answers.filter(({ status }) => status !== 503));
    }

    return {
      ...world,
      ...network,
      ...{ clickSpoolUrl, warmUp, visit },
      async storedClicks() {
        return (await network.scan('clicks')).map(fromClickItem);
      },
      async queuedMessages() {
        const counts = await Promise.all(
          QueueUrls.map(async (QueueUrl) => {
            const command = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
            const { Attributes = {} } = await sqsClient.send(command);
            return (
              Number(Attributes['ApproximateNumberOfMessages']) +
              Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
            );
          }),
        );
        return counts.reduce((sum, count) => sum + count, 0);
      },
    };
  } catch (error) {
    await network.stop();
    throw error;
  }
}

/** Of so many visits at once, none waits 5 seconds for one of four environments, which is when the runner answers 503. */
const OPEN_VISITS = 40;

/** Visits at a steady rate, or slower where the machine does not keep up; all answers, in any order. */
export async function visitSteadily(world: FailingWorld, aSecond: number, seconds: number): Promise<Visit[]> {
  const visits: Promise<Visit>[] = [];
  let open = 0;
  const from = performance.now();
  while (visits.length < aSecond * seconds) {
    const due = Math.min(((performance.now() - from) / 1_000) * aSecond, aSecond * seconds);
    while (visits.length < due && open < OPEN_VISITS) {
      open += 1;
      visits.push(world.visit().finally(() => (open -= 1)));
    }
    await sleep(5);
  }
  return Promise.all(visits);
}

/** Sends the clicks that are only in the log to the spool; answers how many. */
export async function replayLog({ local, sqsClient, clickSpoolUrl }: FailingWorld): Promise<number> {
  const { messages, unreadable } = findLostMessages(local.stderr(), 'click_not_stored');
  if (unreadable > 0) throw new Error('a line of the log cannot be read');
  for (const MessageBody of messages)
    await sqsClient.send(new SendMessageCommand({ QueueUrl: clickSpoolUrl, MessageBody }));
  return messages.size;
}
