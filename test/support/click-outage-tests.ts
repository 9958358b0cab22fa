import { afterAll, beforeAll, expect, it } from 'vitest';
import { replayLog, startFailingWorld, visitSteadily } from './click-outage.ts';
import type { FailingWorld, Visit } from './click-outage.ts';

interface Outage {
  /** How long storage is down in each way in which it can be, at 100 clicks a second. */
  readonly seconds: number;
  /** Seconds after which a message comes again that the spool could not store. @default - as the stack has it */
  readonly comesAgainAfter?: number;
}

/** What must hold of clicks while storage is down. */
export function clickOutageTests({ seconds, comesAgainAfter }: Outage): void {
  const clicks = 100 * seconds;
  const faults = ['reject', 'hang', 'reset'] as const;
  let world: FailingWorld;
  const visits: Visit[] = [];

  beforeAll(async () => {
    world = await startFailingWorld(comesAgainAfter);
  }, 120_000);
  afterAll(() => world.stop());

  it.each(faults)(
    'are all answered with the destination while it would %s (invariant 1)',
    async (fault) => {
      world.dynamoDb.plan = (target) => (target.startsWith('DynamoDB_') ? fault : 'ok');
      const answered = await visitSteadily(world, 100, seconds);
      world.dynamoDb.plan = () => 'ok';
      visits.push(...answered);
      expect(tally(answered)).toEqual({ '302 with a click': clicks });
    },
    120_000,
  );

  it('are in the log, from which they can be replayed, while the queue is down, too (invariant 2)', async () => {
    world.dynamoDb.plan = (target) => (target.startsWith('DynamoDB_') ? 'reject' : 'ok');
    world.sqs.plan = (target) => (target.endsWith('.SendMessage') ? 'reject' : 'ok');
    const answered = await visitSteadily(world, 50, 1);
    world.dynamoDb.plan = () => 'ok';
    world.sqs.plan = () => 'ok';
    visits.push(...answered);
    expect(tally(answered)).toEqual({ '302 with a click': 50 });
    expect(await replayLog(world)).toBeGreaterThanOrEqual(50);
  }, 120_000);

  it('are stored exactly once when it is back, and leave no message behind (invariant 2)', async () => {
    await expect.poll(() => world.queuedMessages(), { timeout: 180_000, interval: 500 }).toBe(0);
    const stored = (await world.storedClicks()).map(({ id }) => id);
    const answered = [...world.warmUp, ...visits].map(({ clickId }) => clickId);
    expect(stored.sort()).toEqual(answered.sort());
    expect(new Set(stored).size).toBe(faults.length * clicks + 50 + world.warmUp.length);
  }, 200_000);
}

/** How many answers there were of each kind. */
function tally(answers: readonly Visit[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, clickId } of answers) {
    const kind = `${status} ${clickId === null ? 'without' : 'with'} a click`;
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}
