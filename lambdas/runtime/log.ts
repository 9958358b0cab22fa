/**
 * Log lines: one JSON object each, with a name from this table, which docs/logging.md explains; a test compares the two.
 * Never a token, a key, a full address or a full URL with its query. Our own few lines instead of a logger framework:
 * the redirect has to carry them, and nothing is logged for a good click.
 */
export const LOG_EVENTS = {
  click_not_stored: 'error',
  storage_unavailable: 'warn',
  catalog_stale: 'warn',
  unexpected_error: 'error',
  hit_not_stored: 'error',
  hint_not_sent: 'warn',
  delivery_attempt_failed: 'warn',
  delivery_exhausted: 'error',
  delivery_result_not_stored: 'error',
  message_malformed: 'error',
  message_failed: 'error',
  sweep_done: 'info',
  sweep_skipped: 'warn',
  sweep_failed: 'error',
  parked_conversion_ended: 'warn',
  bootstrap_done: 'info',
  api_request_failed: 'error',
} as const;

export type LogEvent = keyof typeof LOG_EVENTS;
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/**
 * Writes one line. Errors go in through {@link describeError}. Straight to standard output: Lambda's JSON log format
 * wraps what console methods write into an envelope of its own.
 */
export function log(event: LogEvent, fields: LogFields = {}): void {
  const level = LOG_EVENTS[event];
  process.stdout.write(`${JSON.stringify({ level, event, ...fields })}\n`);
}

/** Name and message of what was thrown, cut, for a log line. */
export function describeError(error: unknown): { error: string; error_message: string } {
  if (!(error instanceof Error)) return { error: typeof error, error_message: String(error).slice(0, 500) };
  const cause = error.cause instanceof Error ? ` (${error.cause.name}: ${error.cause.message})` : '';
  return { error: error.name, error_message: `${error.message}${cause}`.slice(0, 500) };
}
