import type * as z from 'zod';
import type { Postback } from '../../core/entities.ts';
import { MAX_POSTBACKS } from '../../core/match-postbacks.ts';
import type { Wire } from '../../core/wire.ts';
import { commitNew, entityHandlers, newEntity, parseNew, requireEntity, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import type { ApiRequest, Deps, Handle, Step } from '../http.ts';
import { listCatalog } from '../lists.ts';
import { invalidField } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { entityId } from '../schemas/common.ts';
import { createPostbackSchema } from '../schemas/postback.ts';

type StoredPostback = Wire<Postback>;
type Parsed = z.infer<ReturnType<typeof createPostbackSchema>>;

/** Of one publisher, or of all; archived ones do not count. */
const MAX_OF_PUBLISHER = 50;
const ALL = '*';
const LIST_PAGE = 500;

const ownerOf = (postback: { readonly publisher_id: string | null }) => postback.publisher_id ?? ALL;

function postbackResource({ allowLoopback, trackingUrl, apiUrl }: Deps) {
  const ownHosts = [trackingUrl, apiUrl].map((url) => new URL(url).host);
  return {
    kind: 'postback' as const,
    schema: createPostbackSchema({ allowLoopback, ownHosts }),
    readOnly: [],
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
      return parsed;
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

/** The copy that a conversion finds by its publisher; an archived postback has none. */
function copyOf(postback: StoredPostback): Step {
  const key = { pk: `postback_of#${ownerOf(postback)}`, sk: postback.id } as const;
  return { change: postback.status === 'archived' ? { ...key, op: 'delete' } : { ...key, op: 'put', value: postback } };
}

/** Throws unless the postback fits beside the others that may match the same conversion. */
async function requireRoom(postback: Parsed, before: StoredPostback | null, deps: Deps): Promise<void> {
  const others = async (owner: string) => (await deps.catalog.postbacksOf(owner)).filter(({ id }) => id !== before?.id);
  const ofAll = await others(ALL);
  const ofOwner = postback.publisher_id === null ? ofAll : await others(postback.publisher_id);
  if (before === null && ofOwner.length >= MAX_OF_PUBLISHER) {
    throw invalidField('/publisher_id', 'TOO_MANY', `at most ${MAX_OF_PUBLISHER} postbacks; archive one first`);
  }
  if (postback.status !== 'active') return;
  const groups = postback.publisher_id === null ? await postbacksByPublisher(deps) : [ofOwner];
  for (const group of [[], ...groups]) {
    if (mostMatching([postback, ...ofAll, ...group]) <= MAX_POSTBACKS) continue;
    throw invalidField(
      '/publisher_id',
      'TOO_MANY',
      `at most ${MAX_POSTBACKS} active postbacks may hear of one conversion`,
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

/** How many of these postbacks hear of one conversion at most: all that add, and one of those that replace. */
function mostMatching(postbacks: readonly Matcher[]): number {
  const active = postbacks.filter(({ status }) => status === 'active');
  // Null stands for a campaign or goal that none of them names.
  const campaigns = new Set([null, ...active.map(({ campaign_id }) => campaign_id)]);
  const goals = new Set([null, ...active.map(({ goal }) => goal)]);
  let most = 0;
  for (const campaign of campaigns) {
    const ofCampaign = active.filter(({ campaign_id }) => campaign_id === null || campaign_id === campaign);
    for (const wanted of goals) {
      const matching = ofCampaign.filter(({ goal }) => goal === null || goal === wanted);
      const added = matching.filter(({ mode }) => mode === 'add').length;
      most = Math.max(most, added + (added < matching.length ? 1 : 0));
    }
  }
  return most;
}

export function postbackHandlers(deps: Deps) {
  const postbacks = postbackResource(deps);
  const newPostbackSchema = postbacks.schema.extend({ publisher_id: entityId.nullable() });

  /** Whose conversions it tells must be said: one of all publishers by oversight would tell each of them all. */
  const create = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const { id, parsed } = parseNew(newPostbackSchema, request.body, deps);
    const context = { request, deps };
    return commitNew(postbacks, await newEntity(postbacks, parsed, id, context), context);
  };
  const { get, patch, archive } = entityHandlers(postbacks);

  return {
    'POST /v1/postbacks': create,
    'GET /v1/postbacks': listCatalog('postback', (postback) => showEntity(postbacks, postback)),
    'GET /v1/postbacks/:id': get,
    'PATCH /v1/postbacks/:id': patch,
    'DELETE /v1/postbacks/:id': archive,
  } satisfies Record<string, Handle>;
}
