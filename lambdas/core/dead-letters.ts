import type { DeadLetter, DeadLetterQueue, ReplayStore } from './management-ports.ts';
import type { Clock, DeliveryHints } from './ports.ts';

/** Letters that one look shows. */
const SHOWN = 50;
/** So that somebody who looks does not hide them from whoever sends them back. */
const HIDDEN_WHILE_SHOWN = 2;
/** Longer than sending them back takes, so that a letter that stays is met once. */
const HIDDEN_WHILE_REDRIVEN = 30;

/** Some of the dead letters, and about how many there are. */
export async function showDeadLetters(
  queue: DeadLetterQueue,
): Promise<{ readonly letters: readonly DeadLetter[]; readonly count: number }> {
  const count = await queue.count();
  const letters = new Map<string, DeadLetter>();
  // Until nothing new comes: others may hide what is left, and what was shown soon comes again.
  let known = -1;
  while (known < letters.size && letters.size < Math.min(count, SHOWN)) {
    known = letters.size;
    for (const letter of await queue.receive(HIDDEN_WHILE_SHOWN)) letters.set(letter.messageId, letter);
  }
  return { letters: [...letters.values()].slice(0, SHOWN), count };
}

interface RedriveDeps {
  readonly deadLetters: DeadLetterQueue;
  readonly replays: Pick<ReplayStore, 'delivery'>;
  readonly hints: DeliveryHints;
  readonly now: Clock;
}

interface Redriven {
  readonly redriven: number;
  /** Of no delivery: left where they are. */
  readonly malformed: number;
  readonly discarded: number;
  /** About how many are left, those that are hidden for a moment included. */
  readonly remaining: number;
}

/**
 * Sends dead letters back: first the hint, then away with the letter, so that a crash between them leaves a hint too many.
 * What it does is up to the delivery's row. Begins no batch after `deadline`, milliseconds. Throws StorageUnavailable.
 */
export async function redriveDeadLetters(
  discardMalformed: boolean,
  deadline: number,
  { deadLetters, replays, hints, now }: RedriveDeps,
): Promise<Redriven> {
  const redrive = async (letter: DeadLetter): Promise<'redriven' | 'discarded' | 'malformed'> => {
    const delivery = letter.deliveryId === null ? null : await replays.delivery(letter.deliveryId);
    if (delivery === null && !discardMalformed) return 'malformed';
    if (delivery !== null) {
      await hints.send({ deliveryId: delivery.id, postbackId: delivery.postbackId, delaySeconds: 0 });
    }
    await deadLetters.delete(letter);
    return delivery === null ? 'discarded' : 'redriven';
  };

  const counts = { redriven: 0, malformed: 0, discarded: 0 };
  let letters;
  do {
    letters = await deadLetters.receive(HIDDEN_WHILE_REDRIVEN);
    for (const outcome of await Promise.all(letters.map(redrive))) counts[outcome]++;
  } while (letters.length > 0 && now() < deadline);
  return { ...counts, remaining: await deadLetters.count() };
}
