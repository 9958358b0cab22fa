/** One conversion change, or one paid click, to be told to one publisher postback. The row is the truth, a queue message only a hint. */
export type DeliveryState = 'waiting' | 'sending' | 'delivered' | 'exhausted' | 'cancelled';

export type DeliveryEvent = 'created' | 'status_changed' | 'click_payout';

export interface Delivery {
  /** `<subject id>_<number>`; never changes, so a receiver can drop a repeat. Sent as Webhook-Id. */
  readonly id: string;
  /** What it tells of: a conversion, or (event `click_payout`) a click. Its rows are kept under this id. */
  readonly subjectId: string;
  readonly number: number;
  readonly postbackId: string;
  readonly publisherId: string;
  /** Whom the postback belongs to: the publisher, or the network, whose own ones publishers do not see. */
  readonly audience: 'publisher' | 'network';
  readonly event: DeliveryEvent;
  readonly state: DeliveryState;
  /** Macro values of the conversion as it was when the delivery was made; expanded into the postback's URL at each attempt. */
  readonly values: Readonly<Record<string, string>>;
  readonly createdAt: number;
  /** Attempts made since it was made; a replay goes on counting. */
  readonly attempts: number;
  /** Where in the retry schedule it stands; a replay starts at 0 again. */
  readonly scheduleStep: number;
  /** When the next call may be made, in milliseconds; while `sending`: when the lease ends. Null: never by itself. */
  readonly nextAttemptAt: number | null;
  /** When the sweeper has to look at it; null: nothing to do. Later than `nextAttemptAt` while a message is on its way. */
  readonly dueAt: number | null;
  /** Who holds the lease; changes with each claim. */
  readonly lease: string | null;
  /**
   * Number of the delivery that waits for this one to end, or null. The successor is created `waiting` with
   * `nextAttemptAt` and `dueAt` null, and the same transaction sets this field on the row of the delivery before, on
   * the condition that it has not ended; if it has, the successor is created due at once. So the transaction that
   * ends a delivery always knows whom to release.
   */
  readonly successor: number | null;
  /** Its news was taken back while it was being sent: if this attempt fails it ends as cancelled. */
  readonly recalled: boolean;
  /**
   * Since when it is stuck, in milliseconds: when its last attempt failed or when it was held because its postback is
   * paused or disabled. Null: nothing is wrong with it. Stuck ones are found by their postback, to be replayed or let go.
   */
  readonly stuckAt: number | null;
}

/** Whether no further call is made for a delivery by itself. */
export function hasEnded(state: DeliveryState): boolean {
  return state === 'delivered' || state === 'exhausted' || state === 'cancelled';
}

/** One HTTP call made for a delivery. */
export interface Attempt {
  readonly number: number;
  /** Milliseconds. */
  readonly at: number;
  readonly durationMs: number;
  /** The status of the answer, or null if there was none. */
  readonly status: number | null;
  readonly error: AttemptError | null;
  /** At most 1 kB of the answer. */
  readonly body: string | null;
  /** When the next one was due after it, in milliseconds; null: it was the last. */
  readonly nextAttemptAt: number | null;
}

export type AttemptError =
  | 'dns_error'
  | 'connection_refused'
  | 'connection_reset'
  | 'timeout'
  | 'tls_error'
  | 'blocked_address'
  | 'invalid_response'
  | 'postback_missing';

/** The id of the n-th delivery of a conversion or a click. */
export function deliveryId(subjectId: string, number: number): string {
  return `${subjectId}_${number}`;
}

/** The parts of a delivery's id, or null if it is none. */
export function parseDeliveryId(id: string): { subjectId: string; number: number } | null {
  const match = /^([a-z2-7]{24}|[a-z2-7]{32})_([1-9]\d{0,3})$/.exec(id);
  return match?.[1] === undefined ? null : { subjectId: match[1], number: Number(match[2]) };
}
