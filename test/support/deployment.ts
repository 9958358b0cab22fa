import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { startLocal } from './local.ts';
import type { LocalOptions } from './local.ts';
import { inSharedStorage } from './storage.ts';

/** A deployment under test: one on AWS, or one that was started on this machine. */
export interface Deployment {
  /** Base URLs of the tracking and the management API, without a slash at the end. */
  readonly url: string;
  readonly apiUrl: string;
  readonly adminKey: string;
  /** What it has logged until now; empty where the logs cannot be read. */
  readonly logs: () => string;
  readonly stop: () => Promise<void>;
}

/**
 * The deployment that `E2E_BASE_URL`, `E2E_API_URL` and `E2E_ADMIN_KEY` name, else a new one on this machine.
 *
 * @param options - of the one on this machine
 */
export async function openDeployment(options: LocalOptions = {}): Promise<Deployment> {
  const { E2E_BASE_URL: url, E2E_API_URL: apiUrl, E2E_ADMIN_KEY: adminKey } = process.env;
  if (url !== undefined && apiUrl !== undefined && adminKey !== undefined) {
    const trim = (text: string) => text.replace(/\/+$/, '');
    return { url: trim(url), apiUrl: trim(apiUrl), adminKey, logs: () => '', stop: async () => undefined };
  }
  const local = await startLocal({ ...(await inSharedStorage()), ...options });
  if (local.adminKey === null) throw new Error('a new network without its admin key');
  return {
    url: local.url,
    apiUrl: local.apiUrl,
    adminKey: local.adminKey,
    logs: local.stderr,
    stop: async () => {
      await local.stop();
    },
  };
}

interface Answer {
  readonly status: number;
  /** The parsed body; undefined if it is no JSON. */
  readonly body: unknown;
}

type Addresses = Pick<Deployment, 'url' | 'apiUrl' | 'adminKey'>;

/** One call of the management API as its admin. */
export async function manage(at: Addresses, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${at.apiUrl}/v1/${path}`, {
    method,
    headers: {
      authorization: `Bearer ${at.adminKey}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: parse(await response.text()) };
}

/** The items of a list. */
export async function list(at: Addresses, path: string): Promise<Record<string, unknown>[]> {
  return (await pageOf(at, path)).items;
}

/** The items of all pages of a list. */
export async function listAll(at: Addresses, path: string): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const more: string = cursor === '' ? '' : `&cursor=${cursor}`;
    const page = await pageOf(at, `${path}&limit=200${more}`);
    found.push(...page.items);
    cursor = page.next_cursor;
  }
  return found;
}

/** On a busy machine storage may be late once: then a list asks to be read again. */
const READS = 3;

async function pageOf(at: Addresses, path: string) {
  for (let reads = 1; ; reads++) {
    const { status, body } = await manage(at, 'GET', path);
    if (status === 200) return body as { items: Record<string, unknown>[]; next_cursor: string | null };
    if (status !== 503 || reads === READS) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(body)}`);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** An advertiser with a token, a publisher and a campaign; ids are new, so that worlds share a deployment. */
export interface World {
  readonly advertiser: string;
  readonly publisher: string;
  readonly campaign: string;
  readonly token: string;
}

interface Terms {
  readonly destinationUrl?: string;
  readonly goals?: readonly object[];
  /** Other fields of the campaign. */
  readonly campaign?: object;
  /** URL of the publisher's postback. */
  readonly postbackUrl?: string;
}

const SALE = {
  id: 'sale',
  name: 'Sale',
  default: true,
  payout: { model: 'fixed', amount: '2.50' },
  revenue: { model: 'fixed', amount: '4' },
};

export async function createWorld(at: Addresses, terms: Terms = {}): Promise<World> {
  const suffix = randomBytes(5).toString('hex');
  const world = {
    advertiser: `adv-${suffix}`,
    publisher: `pub-${suffix}`,
    campaign: `camp-${suffix}`,
    token: randomBytes(24).toString('base64url'),
  };
  const { advertiser, publisher, campaign, token } = world;
  await create(at, 'advertisers', { id: advertiser, name: 'An advertiser', security_token: token });
  await create(at, 'publishers', { id: publisher, name: 'A publisher' });
  await create(at, 'campaigns', {
    id: campaign,
    name: 'A campaign',
    advertiser_id: advertiser,
    destination_url: terms.destinationUrl ?? 'https://shop.example/landing?cid={click_id}',
    goals: terms.goals ?? [SALE],
    ...terms.campaign,
  });
  if (terms.postbackUrl !== undefined) {
    await create(at, 'postbacks', { publisher_id: publisher, url: terms.postbackUrl });
  }
  return world;
}

/** @throws Error with the answer unless it is a 201 */
export async function create(at: Addresses, kind: string, body: object): Promise<void> {
  const answer = await manage(at, 'POST', kind, body);
  if (answer.status !== 201) throw new Error(`POST ${kind} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
}

/** Clicks a world's link and answers the click ID, which the destination must carry as `cid`. */
export async function click(at: Addresses, world: World, query = ''): Promise<string> {
  const response = await fetch(`${at.url}/c/${world.campaign}/${world.publisher}?${query}`, {
    redirect: 'manual',
    headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x64; rv:140.0) Gecko/20100101 Firefox/140.0' },
  });
  const id = new URL(response.headers.get('location') ?? 'none:').searchParams.get('cid');
  if (id === null) throw new Error(`the click answered ${response.status} without a click ID`);
  return id;
}

/** An answer to a sender. */
interface Reply extends Answer {
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

/** Reports a conversion of a click; `parameters` are added. */
export async function report(
  at: Addresses,
  world: World,
  clickId: string,
  parameters: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  const query = new URLSearchParams({ click_id: clickId, security_token: world.token, ...parameters });
  const response = await fetch(`${at.url}/postback?${query.toString()}`);
  const retryAfter = response.headers.get('retry-after');
  return { status: response.status, body: parse(await response.text()), retryAfter };
}

/**
 * Reports until the answer is no 503, as a sender does: on a slow machine a call may wait too long for a free
 * environment.
 */
export async function reportUntilAnswered(...call: Parameters<typeof report>): Promise<Answer> {
  for (;;) {
    const answer = await report(...call);
    if (answer.status !== 503) return answer;
    await sleep(300);
  }
}

/** A member of an answer that is a JSON object. */
export function field(answer: Answer, name: string): unknown {
  return (answer.body as Record<string, unknown>)[name];
}
