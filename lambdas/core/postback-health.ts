import type { Postback } from './entities.ts';
import { isAlive } from './endpoints.ts';
import type { OutboundResponse, PostbackCatalog, PostbackHealth, PostbackHealthStore } from './ports.ts';
import { once } from './read-once.ts';

const HOUR = 60 * 60_000;
/** A postback with nothing but failures is disabled after so long and so many. */
const LAST_STRAW = 72 * HOUR;
const LEAST_FAILURES = 20;
/** When operators are warned before. */
const WARNINGS = [24 * HOUR, 48 * HOUR];

/** When a streak disables its postback at the earliest, in milliseconds. */
export function disablesAt({ failingSince }: PostbackHealth): number {
  return failingSince + LAST_STRAW;
}

export type PostbackNews =
  | { readonly kind: 'postback_failing'; readonly postback: Postback; readonly streak: PostbackHealth }
  | {
      readonly kind: 'postback_disabled';
      readonly postback: Postback;
      readonly reason: NonNullable<Postback['disabledReason']>;
    };

/** Watches how postbacks fare, and disables those that are gone or have been failing for days. */
export interface PostbackWatch {
  /** Learns whether the postback is failing; a success then costs a write only if it is. */
  look(postbackId: string): Promise<void>;
  /** Notes how a call went that ended `at`; `postback` as it was read before. */
  note(postback: Postback, answer: Pick<OutboundResponse, 'status'>, at: number): Promise<void>;
}

interface PostbackWatchDeps {
  readonly store: PostbackHealthStore;
  readonly postbacks: Pick<PostbackCatalog, 'disable'>;
  readonly tell: (news: PostbackNews) => void;
}

/** One for each batch of messages. Everything throws StorageUnavailable. */
export function createPostbackWatch({ store, postbacks, tell }: PostbackWatchDeps): PostbackWatch {
  const failing = new Set<string>();

  const read = async (postbackId: string) => {
    if ((await store.health(postbackId)) !== null) failing.add(postbackId);
  };

  const disable = async (postback: Postback, reason: NonNullable<Postback['disabledReason']>, at: number) => {
    if (await postbacks.disable(postback, reason, at)) tell({ kind: 'postback_disabled', postback, reason });
  };

  /** The streak with one more failure. One from before somebody changed the postback says nothing about it. */
  const countFailure = async ({ id, updatedAt }: Postback, at: number): Promise<PostbackHealth> => {
    failing.add(id);
    const streak = await store.failed(id, at);
    if (streak.failingSince >= updatedAt) return streak;
    await store.recovered(id);
    return store.failed(id, at);
  };

  return {
    look: once(read),

    async note(postback, answer, at) {
      if (answer.status === 410) return disable(postback, 'gone', at);
      if (isAlive(answer)) {
        if (failing.delete(postback.id)) await store.recovered(postback.id);
        return;
      }
      const streak = await countFailure(postback, at);
      if (streak.failures < LEAST_FAILURES) return;
      const duration = at - streak.failingSince;
      if (duration >= LAST_STRAW) return disable(postback, 'failing', at);
      const due = WARNINGS.filter((after) => duration >= after).length;
      if (due > streak.warnings && (await store.warned(postback.id, due))) {
        tell({ kind: 'postback_failing', postback, streak });
      }
    },
  };
}
