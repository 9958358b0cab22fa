import { TrieRouter } from 'hono/router/trie-router';
import type { Parameter } from '../core/parameters.ts';
import { decodePercent, firstValues } from '../core/parameters.ts';
import { StorageUnavailable } from '../core/ports.ts';
import { describeError, log } from '../runtime/log.ts';
import { ACCESS } from './access.ts';
import type { RouteName } from './access.ts';
import { authenticate } from './authenticate.ts';
import { ConcurrentChange } from './http.ts';
import type { Deps, Handle } from './http.ts';
import { idempotencyOf } from './idempotency.ts';
import { notFound, Problem, problemAnswer } from './problems.ts';
import type { Answer } from './problems.ts';
import { MAX_BODY, MAX_LIST_BODY, parseJson } from './validation.ts';

/** A request as API Gateway passes it on. */
interface RawRequest {
  readonly method: string;
  /** As sent, not decoded: an escaped slash must not become a separator. */
  readonly path: string;
  readonly query: readonly Parameter[];
  /** By lower-case name. */
  readonly headers: Readonly<Partial<Record<string, string>>>;
  readonly body: string;
  readonly requestId: string;
}

export type Handlers = Readonly<Record<RouteName, Handle>>;

const JSON_TYPE = /^application\/(json|[a-z0-9.-]+\+json)\s*(;|$)/i;

const WITH_LISTS: ReadonlySet<RouteName> = new Set(['POST /v1/conversions', 'POST /v1/conversions/bulk']);

/** The management API: finds the route, checks who calls and what he may, and turns whatever is thrown into an answer. */
export function createApi(handlers: Handlers, deps: Deps): (request: RawRequest) => Promise<Answer> {
  // The router alone: hono's application goes through URL and Request objects, which resolve `..` and escapes.
  const router = new TrieRouter<RouteName>();
  const methods = new TrieRouter<string>();
  for (const name of routeNames()) {
    const [method = '', path = ''] = name.split(' ');
    router.add(method, path, name);
    methods.add('ALL', path, method);
  }

  const answer = async (request: RawRequest): Promise<Answer> => {
    // What GET answers; API Gateway drops the body.
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    const match = router.match(method, request.path)[0][0];
    const route = match?.[0];
    if (route !== undefined && ACCESS[route] === null) {
      return handlers[route](openRequest(route, request.requestId, deps), deps);
    }

    const { caller, secret } = await authenticate(request.headers['authorization'], deps);
    if (match === undefined || route === undefined) {
      const allowed = methods.match('ALL', request.path)[0].map(([name]) => name);
      if (allowed.length === 0) throw notFound('route');
      throw new Problem(405, 'METHOD_NOT_ALLOWED', `Allowed: ${allowed.join(', ')}`, {
        headers: { allow: allowed.join(', ') },
      });
    }
    if (ACCESS[route]?.includes(caller.role) !== true) {
      throw new Problem(403, 'FORBIDDEN', `A key with the role "${caller.role}" may not do this`);
    }

    const writes = method !== 'GET';
    const body =
      writes && method !== 'DELETE' ? readBody(request, WITH_LISTS.has(route) ? MAX_LIST_BODY : MAX_BODY) : undefined;
    const idempotencyKey = (writes ? request.headers['idempotency-key'] : null) ?? null;
    const { replay, commit, remember, newId } = idempotencyOf(
      {
        method,
        path: request.path,
        rawBody: request.body,
        idempotencyKey,
        secret,
      },
      caller,
      deps,
    );
    const given = await replay();
    if (given !== null) return given;
    const params = Object.entries(match[1]).map(([name, value]) => [name, decodePercent(String(value))]);
    return handlers[route](
      {
        params: Object.fromEntries(params) as Record<string, string>,
        query: firstValues(request.query),
        body,
        text: request.body,
        ifMatch: request.headers['if-match'] ?? null,
        repeatable: idempotencyKey !== null,
        by: `key:${caller.id}`,
        byName: caller.name,
        role: caller.role,
        requestId: request.requestId,
        secret,
        publisherId: caller.publisher_id,
        advertiserId: caller.advertiser_id,
        route,
        now: deps.now(),
        newId,
        commit,
        remember,
      },
      deps,
    );
  };

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      return problemAnswer(asProblem(error, request), request.requestId);
    }
  };
}

function routeNames(): RouteName[] {
  return Object.keys(ACCESS) as RouteName[];
}

function openRequest(route: RouteName, requestId: string, deps: Deps): Parameters<Handle>[0] {
  return {
    params: {},
    query: new Map(),
    body: undefined,
    text: '',
    ifMatch: null,
    repeatable: false,
    by: 'anybody',
    byName: '',
    role: 'analyst',
    requestId,
    secret: '',
    publisherId: null,
    advertiserId: null,
    route,
    now: deps.now(),
    newId: () => {
      throw new Error('an open route makes nothing');
    },
    commit: () => Promise.reject(new Error('an open route writes nothing')),
    remember: () => Promise.reject(new Error('an open route writes nothing')),
  };
}

function readBody({ body, headers }: RawRequest, limit: number): unknown {
  if (body === '') return undefined;
  if (!JSON_TYPE.test(headers['content-type'] ?? '')) {
    throw new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json');
  }
  if (body.length > limit) throw new Problem(413, 'BODY_TOO_LARGE', `The body must be at most ${limit} characters`);
  return parseJson(body);
}

function asProblem(error: unknown, { requestId, method, path }: RawRequest): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ConcurrentChange) {
    return new Problem(409, 'CONCURRENT_CHANGE', 'Somebody else changes the same at this moment; try again');
  }
  if (error instanceof StorageUnavailable) {
    log('storage_unavailable', { request_id: requestId, ...describeError(error) });
    return new Problem(503, error.code, error.message, { headers: { 'retry-after': '1' } });
  }
  log('api_request_failed', { request_id: requestId, method, path, ...describeError(error) });
  return new Problem(500, 'INTERNAL_ERROR', 'unexpected');
}
