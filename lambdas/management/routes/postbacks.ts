import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import type { Postback } from '../../core/entities.ts';
import { MAX_POSTBACKS } from '../../core/match-postbacks.ts';
import { isObject } from '../../core/merge-patch.ts';
import { letGo, replayStuck } from '../../core/replay.ts';
import { testPostback } from '../../core/test-postback.ts';
import type { PostbackRules } from '../../core/url-rules.ts';
import { fromWire } from '../../core/wire.ts';
import type { Wire } from '../../core/wire.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import { commitNew, entityHandlers, newEntity, parseNew, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { showHealth } from '../facts.ts';
import { etag, isoTime, ok } from '../http.ts';
import type { ApiRequest, Deps, Handle, Step } from '../http.ts';
import { byField, listCatalog } from '../lists.ts';
import { invalidField, Problem } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { createNewPostbackSchema, createPostbackSchema, postbackReplay, postbackTest } from '../schemas/postback.ts';
import { validate } from '../validation.ts';
import { replayDeps } from './deliveries.ts';

type StoredPostback = Wire<Postback>;
type Parsed = z.infer<ReturnType<typeof createPostbackSchema>>;

/** Of one publisher, or of all; archived ones do not count. */
const MAX_OF_PUBLISHER = 50;
const ALL = '*';
const LIST_PAGE = 500;
/** Milliseconds that one call may begin more work; API Gateway gives up after 30 s. */
const REPLAYING = 20_000;
const LETTING_GO = 5_000;

const ownerOf = (postback: { readonly publisher_id: string | null }) => postback.publisher_id ?? ALL;

function postbackResource(rules: PostbackRules) {
  return {
    kind: 'postback' as const,
    schema: createPostbackSchema(rules),
    readOnly: ['disabled_at', 'disabled_reason'],
    cached: false,
    async complete(parsed: Parsed, before: StoredPostback | null, deps: Deps) {
      if (before !== null && parsed.publisher_id !== before.publisher_id) {
        throw invalidField('/publisher_id', 'READ_ONLY', 'make another postback for another publisher');
      }
      if (parsed.campaign_id !== null && parsed.goal !== null) {
        const campaign = await deps.catalog.get('campaign', parsed.campaign_id);
        if (campaign !== null && !campaign.goals.some(({ id }) => id === parsed.goal)) {
          throw invalidField('/goal', 'NOT_FOUND', `campaign "${campaign.id}" has no such goal`);
        }
      }
      await requireRoom(parsed, before, deps);
      const disabled = disabledAs(parsed, before);
      if (before !== null && startsAnew(parsed, before)) await deps.health.recovered(before.id);
      return { ...parsed, ...disabled };
    },
    show: (postback: StoredPostback) => ({
      publisher_id: postback.publisher_id,
      campaign_id: postback.campaign_id,
      goal: postback.goal,
      url: postback.url,
      method: postback.method,
      mode: postback.mode,
      fire_on: postback.fire_on,
      status_words: postback.status_words,
      goal_words: postback.goal_words,
      status: postback.status,
      disabled_at: isoTime(postback.disabled_at ?? null),
      disabled_reason: postback.disabled_reason ?? null,
    }),
    related: (next: StoredPostback, before: StoredPostback | null) => [
      ...(next.publisher_id !== null && before === null
        ? [requireEntity('publisher', next.publisher_id, '/publisher_id')]
        : []),
      ...(next.campaign_id !== null && next.campaign_id !== before?.campaign_id
        ? [requireEntity('campaign', next.campaign_id, '/campaign_id')]
        : []),
      copyOf(next),
    ],
  } satisfies Resource<'postback', Parsed>;
}

/** Since when it is disabled, and why; throws for one that is not so already: only Flowback disables. */
function disabledAs({ status }: Parsed, before: StoredPostback | null) {
  if (status !== 'disabled') return { disabled_at: null, disabled_reason: null };
  if (before?.status !== 'disabled') {
    throw invalidField('/status', 'INVALID_VALUE', 'only Flowback disables a postback: pause it');
  }
  return { disabled_at: before.disabled_at, disabled_reason: before.disabled_reason };
}

/** Whether what its calls came to before says nothing about it any more. */
function startsAnew(next: Parsed, before: StoredPostback): boolean {
  return next.url !== before.url || (next.status === 'active' && before.status !== 'active');
}

/** The copy that a conversion finds by its publisher; an archived postback has none. */
function copyOf(postback: StoredPostback): Step {
  const key = { pk: `postback_of#${ownerOf(postback)}`, sk: postback.id } as const;
  return { change: postback.status === 'archived' ? { ...key, op: 'delete' } : { ...key, op: 'put', value: postback } };
}

/** Throws unless the postback fits beside the others that may match the same conversion, those that hold back included. */
async function requireRoom(postback: Parsed, before: StoredPostback | null, deps: Deps): Promise<void> {
  const others = async (owner: string) => (await deps.catalog.postbacksOf(owner)).filter(({ id }) => id !== before?.id);
  if (postback.status === 'archived') return;
  const ofAll = await others(ALL);
  const ofOwner = postback.publisher_id === null ? ofAll : await others(postback.publisher_id);
  const isNew = before === null || before.status === 'archived';
  if (isNew && ofOwner.length >= MAX_OF_PUBLISHER) {
    throw invalidField('/publisher_id', 'TOO_MANY', `at most ${MAX_OF_PUBLISHER} postbacks; archive one first`);
  }
  if (!isNew && matchesAs(postback, before)) return;
  const groups = postback.publisher_id === null ? await postbacksByPublisher(deps) : [ofOwner];
  for (const group of [[], ...groups]) {
    if (mostMatching([postback, ...ofAll, ...group]) <= MAX_POSTBACKS) continue;
    throw invalidField(
      '/publisher_id',
      'TOO_MANY',
      `at most ${MAX_POSTBACKS} postbacks may hear of one conversion; archive one first`,
    );
  }
}

/** All postbacks that belong to a publisher, by publisher: read only when one of all publishers is saved. */
async function postbacksByPublisher(deps: Deps): Promise<StoredPostback[][]> {
  const groups = new Map<string, StoredPostback[]>();
  let after: string | null = null;
  do {
    const page: readonly StoredPostback[] = await deps.catalog.list('postback', after, LIST_PAGE);
    for (const postback of page) {
      if (postback.publisher_id === null) continue;
      groups.set(postback.publisher_id, [...(groups.get(postback.publisher_id) ?? []), postback]);
    }
    after = page.length < LIST_PAGE ? null : (page.at(-1)?.id ?? null);
  } while (after !== null);
  return [...groups.values()];
}

type Matcher = Pick<StoredPostback, 'campaign_id' | 'goal' | 'mode' | 'status'>;

/** Whether it matches what it matched before. */
function matchesAs(next: Matcher, { campaign_id, goal, mode }: Matcher): boolean {
  return isDeepStrictEqual([next.campaign_id, next.goal, next.mode], [campaign_id, goal, mode]);
}

/** How many of these postbacks hear of one conversion at most: all that add, and one of those that replace. */
function mostMatching(postbacks: readonly Matcher[]): number {
  const alive = postbacks.filter(({ status }) => status !== 'archived');
  // Null stands for a campaign or goal that none of them names.
  const campaigns = new Set([null, ...alive.map(({ campaign_id }) => campaign_id)]);
  const goals = new Set([null, ...alive.map(({ goal }) => goal)]);
  let most = 0;
  for (const campaign of campaigns) {
    const ofCampaign = alive.filter(({ campaign_id }) => campaign_id === null || campaign_id === campaign);
    for (const wanted of goals) {
      const matching = ofCampaign.filter(({ goal }) => goal === null || goal === wanted);
      const added = matching.filter(({ mode }) => mode === 'add').length;
      most = Math.max(most, added + (added < matching.length ? 1 : 0));
    }
  }
  return most;
}

/** A document may come back as GET shows it; how the postback fares is no part of it. */
function withoutHealth(body: unknown): unknown {
  return isObject(body) ? Object.fromEntries(Object.entries(body).filter(([name]) => name !== 'health')) : body;
}

export function postbackHandlers({ allowLoopback, trackingUrl, apiUrl }: Deps) {
  const rules = { allowLoopback, ownHosts: [trackingUrl, apiUrl].map((url) => new URL(url).host) };
  const postbacks = postbackResource(rules);
  const newPostbackSchema = createNewPostbackSchema(rules);

  const create = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const { id, parsed } = parseNew(newPostbackSchema, request.body, deps);
    const context = { request, deps };
    return commitNew(postbacks, await newEntity(postbacks, parsed, id, context), context);
  };
  const { patch, archive, read } = entityHandlers(postbacks);

  const get = async ({ params }: ApiRequest, deps: Deps): Promise<Answer> => {
    const postback = await read(params['id'], deps);
    const shown = showHealth(await deps.health.health(postback.id), postback.status);
    return ok({ ...showEntity(postbacks, postback), health: shown }, etag(postback.version));
  };

  /**
   * Lets go what waits, whenever somebody says that it is active: also if it was so already, as after a crash. Only a
   * repeat under the same Idempotency-Key does not: it gets the answer alone.
   */
  const change = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const answer = await patch({ ...request, body: withoutHealth(request.body) }, deps);
    const status = isObject(request.body) ? request.body['status'] : undefined;
    // Of a merge patch null is the default.
    if (status === 'active' || status === null) {
      await letGo(request.params['id'] ?? '', deps.now() + LETTING_GO, replayDeps(deps));
    }
    return answer;
  };

  const readAlive = async ({ params }: ApiRequest, deps: Deps) => {
    const postback = await read(params['id'], deps);
    if (postback.status === 'archived') throw new Problem(409, 'ARCHIVED', 'The postback is archived');
    return postback;
  };

  const test = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const values = validate(postbackTest, request.body ?? {});
    const postback = fromWire(await readAlive(request, deps)) as Postback;
    const { request: called, answer } = await testPostback(postback, values, { ...deps, rules });
    const { method, url, body } = called;
    const { status, error, durationMs } = answer;
    return request.remember(
      ok({ request: { method, url, body }, status, error, duration_ms: durationMs, body: answer.body }),
    );
  };

  const replay = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const { since = 0, cursor } = validate(postbackReplay, request.body ?? {});
    const { id } = await readAlive(request, deps);
    const scope = { route: request.route, filters: { id, since: String(since) } };
    const key = await deps.catalog.cursorKey();
    // A replay in several calls means what was stuck when the first one came.
    const { partition: until, before: after } =
      cursor === undefined ? { partition: String(request.now), before: null } : readCursor(cursor, scope, key);
    const range = { since, until: Number(until), after };
    const { replayed, skipped, next } = await replayStuck(id, range, request.now + REPLAYING, replayDeps(deps));
    const goesOn = next === null ? null : writeCursor({ partition: until, before: next }, scope, key, deps.random);
    return request.remember({ status: 202, body: { replayed, skipped, next_cursor: goesOn } });
  };

  return {
    'POST /v1/postbacks': create,
    'GET /v1/postbacks': listCatalog('postback', (postback) => showEntity(postbacks, postback), {
      status: byField('status', /^(active|paused|disabled|archived)$/),
      publisher_id: byField('publisher_id'),
      campaign_id: byField('campaign_id'),
    }),
    'GET /v1/postbacks/:id': get,
    'PATCH /v1/postbacks/:id': change,
    'DELETE /v1/postbacks/:id': archive,
    'POST /v1/postbacks/:id/test': test,
    'POST /v1/postbacks/:id/replay': replay,
  } satisfies Record<string, Handle>;
}
