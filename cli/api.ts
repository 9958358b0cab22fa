import * as z from 'zod';

import type { Connection } from './profiles.ts';
import { EXIT, Failure, UsageError } from './terminal.ts';
import type { ExitCode } from './terminal.ts';
import type { World } from './world.ts';

/** An object as the API answers it. */
export type Item = Readonly<Record<string, unknown>>;

export type Query = Readonly<Record<string, string | undefined>>;

/** The management API. Everything throws a {@link Failure} that says what to do next. */
export interface Api {
  readonly apiUrl: string;
  get(path: string, query?: Query): Promise<Item>;
  /**
   * Sends a change under an Idempotency-Key of its own, so that it can be sent again when an answer is lost. Answers {} where
   * the API answers nothing.
   */
  send(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Item>;
  /** Changes what the patch was made from, nothing newer: if somebody was faster, it is read and made anew. */
  edit(path: string, patchOf: (item: Item) => Item): Promise<Item>;
  /** The items of a list, page by page as they are taken; at most `limit`. */
  list(path: string, query: Query, limit: number): AsyncGenerator<Item>;
}

const PAGE = 200;
/** Milliseconds; API Gateway gives up after 30 s. */
const TIMEOUT = 35_000;
/** Waits before a call is made again, in milliseconds, unless Retry-After says more. */
const RETRIES = [500, 1_000, 2_000, 4_000];
const LONGEST_WAIT = 10_000;
const EDIT_TRIES = 3;
const TRY_AGAIN = new Set([429, 500, 502, 503, 504]);

/** `/v1/<words>`, each encoded. Throws a {@link Failure} for words that would make it the path of something else. */
export function path(...words: readonly string[]): string {
  // URL resolves dots even if they are escaped.
  const wrong = words.find((word) => /^\.{0,2}$/.test(word));
  if (wrong !== undefined) throw new Failure(`'${wrong}' is no ID`);
  return `/v1/${words.map(encodeURIComponent).join('/')}`;
}

/** An object within an answer; an empty one where there is none. */
export function itemOf(value: unknown): Item {
  return object.safeParse(value).data ?? {};
}

/** The objects of a list within an answer. */
export function itemsOf(value: unknown): Item[] {
  return Array.isArray(value) ? value.map(itemOf) : [];
}

export function createApi({ apiUrl, key }: Connection, world: World): Api {
  // What fetch says of such a header has the key in it.
  if (!/^[\x21-\x7E]*$/.test(key)) throw new UsageError('the API key has characters that none has: copy it once more');
  const call = async (method: string, path: string, { query = {}, body, ifMatch }: Call): Promise<Answer> => {
    const url = new URL(apiUrl + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    const request: RequestInit = {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        'user-agent': 'flowback-cli',
        ...(method !== 'GET' && { 'idempotency-key': world.uuid() }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(ifMatch && { 'if-match': ifMatch }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      // A redirect would take the key somewhere else.
      redirect: 'error',
    };
    for (let tries = 0; ; tries++) {
      const answer = await tryCall(url, request, world);
      if (answer.status !== null && !TRY_AGAIN.has(answer.status))
        return { item: read(answer, url), etag: answer.etag };
      const wait = RETRIES[tries];
      if (wait === undefined) throw unavailable(answer, url, method);
      world.terminal.progress(`${url.host} does not answer as it should; trying again`);
      await world.wait(Math.min(LONGEST_WAIT, Math.max(wait, answer.retryAfter * 1_000)));
      world.terminal.progress('');
    }
  };

  return {
    apiUrl,
    get: async (path, query = {}) => (await call('GET', path, { query })).item,
    send: async (method, path, body) => (await call(method, path, { body })).item,
    async edit(path, patchOf) {
      for (let tries = 1; ; tries++) {
        const { item, etag } = await call('GET', path, {});
        try {
          return (await call('PATCH', path, { body: patchOf(item), ifMatch: etag })).item;
        } catch (error) {
          const isLate = error instanceof Refusal && error.code === 'PRECONDITION_FAILED';
          if (!isLate || tries === EDIT_TRIES) throw error;
        }
      }
    },
    async *list(path, query, limit) {
      let left = limit;
      let cursor: string | undefined;
      while (left > 0) {
        const some = { ...query, limit: String(Math.min(PAGE, left)), cursor };
        const { data } = page.safeParse((await call('GET', path, { query: some })).item);
        if (data === undefined) throw foreign(new URL(apiUrl));
        yield* data.items;
        left -= data.items.length;
        if (data.next_cursor === null) return;
        cursor = data.next_cursor;
      }
    },
  };
}

const object = z.record(z.string(), z.unknown());
const page = z.object({ items: z.array(object), next_cursor: z.string().nullable() });

interface Call {
  readonly query?: Query;
  readonly body?: unknown;
  readonly ifMatch?: string | null;
}

interface Answer {
  readonly item: Item;
  readonly etag: string | null;
}

interface Answered {
  /** Null: there was no answer. */
  readonly status: number | null;
  /** The body, or what kept it away. */
  readonly text: string;
  /** Seconds. */
  readonly retryAfter: number;
  readonly etag: string | null;
}

async function tryCall(url: URL, request: RequestInit, { fetch }: World): Promise<Answered> {
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(TIMEOUT) });
    const retryAfter = Number(response.headers.get('retry-after') ?? 0);
    return {
      status: response.status,
      text: await response.text(),
      retryAfter: Number.isFinite(retryAfter) ? retryAfter : 0,
      etag: response.headers.get('etag'),
    };
  } catch (error) {
    return { status: null, text: reasonOf(error), retryAfter: 0, etag: null };
  }
}

/** Undici says "fetch failed"; why stands in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${TIMEOUT / 1_000} s`;
  return error.cause instanceof Error ? error.cause.message || reasonOf(error.cause.cause) : error.message;
}

function unavailable({ status, text }: Answered, url: URL, method: string): Failure {
  const said = status === null ? text : `status ${status}`;
  // Another run has an Idempotency-Key of its own.
  const again =
    method === 'POST'
      ? 'If it is, look first: it may have been done without an answer. Then run the command again.'
      : 'If it is, run the command again.';
  return new Failure(`${url.host} does not answer as it should: ${said}`, {
    exit: EXIT.unavailable,
    details: [`Is it up? curl ${url.origin}/v1/health`, again],
  });
}

const fieldError = z.object({ pointer: z.string(), code: z.string(), message: z.string() });
const problem = z.object({
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(fieldError).optional(),
});

/** A wrong field of what was sent, by its JSON pointer. */
type FieldError = Readonly<z.infer<typeof fieldError>>;

function read({ status, text }: Answered, url: URL): Item {
  const body = text === '' ? {} : parse(text);
  if (status !== null && status >= 200 && status < 300) {
    const item = object.safeParse(body);
    if (item.success) return item.data;
  } else {
    const refused = problem.safeParse(body);
    if (refused.success) throw refusal(Number(status), refused.data);
  }
  throw foreign(url);
}

function foreign({ host }: URL): Failure {
  return new Failure(`${host} answers with something that is not Flowback's`, {
    details: ['Is this the base URL of the management API? It stands beside the tracking API under a name of its own.'],
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

/** An answer that is no success, with its code for commands that know what to make of it. */
export class Refusal extends Failure {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly FieldError[];

  constructor(
    { status, code, errors }: Pick<Refusal, 'status' | 'code' | 'errors'>,
    message: string,
    more: { exit: ExitCode; details: readonly string[] },
  ) {
    super(message, more);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

const NEXT: Readonly<Partial<Record<string, string>>> = {
  UNAUTHORIZED: 'Give another key: set FLOWBACK_KEY, or `flowback profiles add NAME`.',
  FORBIDDEN: 'Use a key with another role: docs/roles.md says which may do it.',
  NOT_FOUND: 'Is the ID whole, and of this deployment? Lists show what there is.',
  ARCHIVED: 'Set its status to active first: `flowback ... update ID --status active`.',
  CONCURRENT_CHANGE: 'Run the command again.',
  PRECONDITION_FAILED: 'Look at it again, then repeat the change.',
  LAST_ADMIN_KEY: 'Make another admin key first: `flowback keys create --role admin --name NAME`.',
};

function refusal(status: number, { code, detail, errors = [] }: z.infer<typeof problem>): Refusal {
  const exit = status === 401 || status === 403 ? EXIT.denied : EXIT.wrong;
  const fields = errors.map(({ pointer, code, message }) => `  ${pointer || '(the whole)'}  ${code}  ${message}`);
  const next = NEXT[code];
  const details = [...fields, ...(next ? [next] : [])];
  return new Refusal({ status, code, errors }, `${detail ?? 'refused'} (${code})`, { exit, details });
}
