import { describe, expect, it } from 'vitest';
import { redriveDeadLetters, showDeadLetters } from '../../../lambdas/core/dead-letters.ts';
import type { DeadLetter } from '../../../lambdas/core/management-ports.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aDelivery, NOON } from '../../support/deliveries.ts';
import { fakeHints } from '../../support/fakes/hints.ts';
import { fakeReplays } from '../../support/fakes/replays.ts';

const { id } = aDelivery();
const letter = (n: number, deliveryId: string | null = id): DeadLetter => ({
  messageId: `m${n}`,
  deliveryId,
  body: '{}',
  sentAt: NOON,
  receipt: `r${n}`,
});

/** A queue in memory whose letters stay hidden once they are received. */
function aQueue(...letters: readonly DeadLetter[]) {
  const left = new Map(letters.map((letter) => [letter.receipt, letter]));
  const visible = [...letters];
  return {
    left,
    count: async () => left.size,
    receive: async () => visible.splice(0, 10),
    delete: async ({ receipt }: DeadLetter) => void left.delete(receipt),
  };
}

function aWorld(queue: ReturnType<typeof aQueue>) {
  const hints = fakeHints();
  const replays = fakeReplays(new Map([[id, aDelivery()]]));
  return { hints, deps: { deadLetters: queue, replays, hints, now: () => NOON } };
}

const many = (count: number) => Array.from({ length: count }, (_, n) => letter(n));

describe('dead letters', () => {
  it('are shown, fifty at most, with how many there are', async () => {
    const shown = await showDeadLetters(aQueue(...many(75)));

    expect(shown.letters).toHaveLength(50);
    expect(shown.count).toBe(75);
  });

  it('are shown once each, and no longer looked for when only known ones come', async () => {
    const queue = aQueue(...many(3));
    const again = [...many(3)];

    // Some are hidden by somebody else; what was shown is visible again after two seconds.
    const shown = await showDeadLetters({ ...queue, count: async () => 5, receive: async () => again });

    expect(shown).toEqual({ letters: again, count: 5 });
  });

  it('are sent back as hints, and are gone', async () => {
    const queue = aQueue(...many(25));
    const { hints, deps } = aWorld(queue);

    expect(await redriveDeadLetters(false, NOON + 1, deps)).toEqual({
      redriven: 25,
      malformed: 0,
      discarded: 0,
      remaining: 0,
    });

    expect(hints.sent).toHaveLength(25);
    expect(hints.sent[0]).toEqual({ deliveryId: id, postbackId: 'pb1', delaySeconds: 0 });
  });

  it.each([
    [false, { redriven: 1, malformed: 2, discarded: 0, remaining: 2 }],
    [true, { redriven: 1, malformed: 0, discarded: 2, remaining: 0 }],
  ])('of no delivery stay unless they are discarded (%s)', async (discard, expected) => {
    const { deps } = aWorld(aQueue(letter(1, null), letter(2, 'zzzzzzzzzzzzzzzzzzzzzzzz_1'), letter(3)));

    expect(await redriveDeadLetters(discard, NOON + 1, deps)).toEqual(expected);
  });

  it('stay where they are while the queue of hints does not answer', async () => {
    const queue = aQueue(...many(3));
    const { hints, deps } = aWorld(queue);
    hints.down = true;

    await expect(redriveDeadLetters(true, NOON + 1, deps)).rejects.toThrow(StorageUnavailable);

    expect(queue.left.size).toBe(3);
  });

  it('are not begun after the deadline', async () => {
    expect(await redriveDeadLetters(false, NOON, aWorld(aQueue(...many(25))).deps)).toMatchObject({
      redriven: 10,
      remaining: 15,
    });
  });
});
