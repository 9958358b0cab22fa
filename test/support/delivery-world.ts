import { setTimeout as sleep } from 'node:timers/promises';
import { click, create, listAll, manage, reportUntilAnswered } from './deployment.ts';
import type { Deployment, World } from './deployment.ts';
import { inTurns } from './in-turns.ts';

type Addresses = Pick<Deployment, 'url' | 'apiUrl' | 'adminKey'>;

/** A delivery as the management API shows it. */
export interface ShownDelivery {
  readonly id: string;
  readonly postback_id: string;
  readonly state: string;
  readonly next_attempt_at: string | null;
  readonly attempts: readonly ShownAttempt[];
}

interface ShownAttempt {
  readonly number: number;
  readonly at: string;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error: string | null;
}

/** Another publisher of a world's campaign, with postbacks of these URLs, which all hear of each of its sales. */
export async function addPublisher(
  at: Addresses,
  world: World,
  id: string,
  urls: readonly string[],
  postback: object = {},
): Promise<World> {
  await create(at, 'publishers', { id, name: id });
  for (const [index, url] of urls.entries()) {
    await create(at, 'postbacks', { id: `${id}-${index}`, publisher_id: id, mode: 'add', url, ...postback });
  }
  return { ...world, publisher: id };
}

/** Where a publisher that listens there hears of sales: `p1` is the name that {@link sell} gives to one. */
export const tellAt = (origin: string) => `${origin}/told?p1={p1}&status={status}`;

/** A sale through a link, told in these calls, one after the other; each as often as it takes. */
export async function sell(at: Addresses, world: World, name: string, calls: readonly object[] = [{}]): Promise<void> {
  const clickId = await insist(() => click(at, world, `p1=${name}`));
  for (const call of calls) {
    const answer = await insist(() => reportUntilAnswered(at, world, clickId, { txn_id: `order-${name}`, ...call }));
    if (answer.status !== 200) throw new Error(`a sale answered ${answer.status}: ${JSON.stringify(answer.body)}`);
  }
}

/** Environments that start on a busy machine may refuse first. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await call();
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(250);
    }
  }
}

/** The deliveries that a filter (`publisher_id=tia`) finds, without their attempts. */
export async function deliveriesOf(at: Addresses, filter: string): Promise<readonly ShownDelivery[]> {
  return (await listAll(at, `deliveries?${filter}`)) as unknown as ShownDelivery[];
}

/** Deliveries with all their attempts, in the order of the ids. */
export function wholeDeliveries(at: Addresses, ids: readonly string[]): Promise<ShownDelivery[]> {
  return inTurns(ids, 4, async (id) => {
    const { status, body } = await insist(() => manage(at, 'GET', `deliveries/${id}`));
    if (status !== 200) throw new Error(`GET deliveries/${id} answered ${status}: ${JSON.stringify(body)}`);
    return body as ShownDelivery;
  });
}

/** How many of the deliveries are in each state. */
export function countStates(deliveries: readonly ShownDelivery[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { state } of deliveries) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}
