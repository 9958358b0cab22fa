/**
 * Log lines: one JSON object each, with a name and fields from this table, which docs/logging.md explains; a test
 * compares the two.
 * Never a token, a key, a full address or a full URL with its query. Our own few lines instead of a logger framework:
 * the redirect has to carry them, and nothing is logged for a good click.
 */
const DELIVERY = ['delivery_id', 'postback_id', 'publisher_id'] as const;
const ATTEMPT = ['attempt', 'status', 'error', 'duration_ms'] as const;

export const LOG_EVENTS = {
  api_request_failed: { level: 'error', fields: ['request_id', 'method', 'path', 'error', 'error_message'] },
  bootstrap_done: { level: 'info', fields: ['network_name', 'key_made'] },
  catalog_stale: { level: 'warn', fields: ['error', 'error_message'] },
  click_not_stored: { level: 'error', fields: ['click_id', 'error', 'error_message', 'spooled'] },
  click_payout_malformed: { level: 'error', fields: ['click_id', 'error', 'error_message'] },
  click_payouts_failed: { level: 'error', fields: ['failed', 'error', 'error_message'] },
  counters_not_tidied: { level: 'warn', fields: ['campaign_id', 'error', 'error_message'] },
  country_database_broken: { level: 'warn', fields: ['error', 'error_message'] },
  delivery_attempt_failed: { level: 'warn', fields: [...DELIVERY, ...ATTEMPT] },
  delivery_exhausted: { level: 'error', fields: [...DELIVERY, ...ATTEMPT] },
  delivery_not_followed_up: { level: 'warn', fields: [...DELIVERY, 'what', 'error', 'error_message'] },
  delivery_result_not_stored: { level: 'error', fields: DELIVERY },
  endpoint_breaker_closed: { level: 'info', fields: ['endpoint'] },
  endpoint_breaker_opened: { level: 'warn', fields: ['endpoint', 'openings', 'seconds'] },
  hint_not_sent: { level: 'warn', fields: [...DELIVERY, 'error', 'error_message'] },
  hit_not_stored: { level: 'error', fields: ['hit_id', 'code', 'error', 'error_message'] },
  message_failed: { level: 'error', fields: ['message_id', 'error', 'error_message'] },
  message_malformed: { level: 'error', fields: ['message_id', 'error', 'error_message'] },
  not_recorded: { level: 'info', fields: ['code', 'route'] },
  parked_conversion_ended: { level: 'warn', fields: ['click_id', 'hit_id', 'code'] },
  pixel_not_stored: { level: 'error', fields: ['hit_id', 'error', 'error_message', 'spooled'] },
  postbacks_left_out: { level: 'error', fields: ['subject_id', 'postback_ids'] },
  postback_disabled: { level: 'error', fields: ['postback_id', 'publisher_id', 'reason'] },
  postback_failing: { level: 'warn', fields: ['postback_id', 'publisher_id', 'failures', 'hours'] },
  storage_unavailable: { level: 'warn', fields: ['request_id', 'error', 'error_message'] },
  sweep_done: { level: 'info', fields: ['what', 'done', 'failed'] },
  sweep_failed: { level: 'error', fields: ['what', 'of', 'error', 'error_message'] },
  sweep_skipped: { level: 'warn', fields: ['what', 'backlog'] },
  unexpected_error: { level: 'error', fields: ['request_id', 'error', 'error_message'] },
} as const;

export type LogEvent = keyof typeof LOG_EVENTS;
type LogFields<E extends LogEvent> = Readonly<
  Partial<Record<(typeof LOG_EVENTS)[E]['fields'][number], string | number | boolean | null>>
>;

/**
 * Writes one line. Errors go in through {@link describeError}. Straight to standard output: Lambda's JSON log format
 * wraps what console methods write into an envelope of its own.
 */
export function log<E extends LogEvent>(event: E, fields: LogFields<E>): void {
  const { level } = LOG_EVENTS[event];
  process.stdout.write(`${JSON.stringify({ level, event, ...fields })}\n`);
}

/** Name and message of what was thrown, cut, for a log line. */
export function describeError(error: unknown): { error: string; error_message: string } {
  if (!(error instanceof Error)) return { error: typeof error, error_message: String(error).slice(0, 500) };
  const cause = error.cause instanceof Error ? ` (${error.cause.name}: ${error.cause.message})` : '';
  return { error: error.name, error_message: `${error.message}${cause}`.slice(0, 500) };
}
