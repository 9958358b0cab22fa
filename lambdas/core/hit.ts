/** One inbound conversion request of any kind, accepted or not. Kept 30 days. */
export interface Hit {
  readonly id: string;
  /** Milliseconds. */
  readonly at: number;
  /** Method and route, `GET /postback/{sender_id}`. */
  readonly route: string;
  readonly senderId: string | null;
  readonly advertiserId: string | null;
  readonly clickId: string | null;
  readonly conversionId: string | null;
  readonly code: string;
  /** The HTTP status that was answered. */
  readonly status: number;
  /** The request's parameters with secrets replaced; names and values as sent, cut to what a row can hold. */
  readonly query: readonly (readonly [name: string, value: string])[];
  /** What operators made of it, oldest first; absent: nobody tried it again. */
  readonly retries?: readonly HitRetry[];
}

export interface HitRetry {
  /** Milliseconds. */
  readonly at: number;
  /** `key:<id>`. */
  readonly by: string;
  /** The hit's code before it; of the first try, why the call was refused. */
  readonly was: string;
  readonly code: string;
  /** What he said of the call, by main name, '' where it has none, redacted as the call is; absent: nothing, or long ago. */
  readonly corrected?: Hit['query'];
}
