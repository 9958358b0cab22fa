import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { bodyExample, OPERATIONS } from './openapi-document.ts';
import type { Operation } from './openapi-document.ts';
import { startPublisher } from './publisher.ts';
import { startWatchedRun } from './watched-run.ts';

export interface Call {
  readonly method: string;
  /** Within the API, with its parameters filled in. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Undefined: none. */
  readonly body: string | undefined;
  /** Null: none. */
  readonly key: string | null;
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined: it is no JSON. */
  readonly body: unknown;
}

const USER_AGENT = 'Mozilla/5.0 (X11; Linux x64; rv:140.0) Gecko/20100101 Firefox/140.0';
const WITH_CODE = z.object({ code: z.string() });

export function codeOf({ body }: Reply): string | undefined {
  return WITH_CODE.safeParse(body).data?.code;
}

/** A local run in which the story of the document's examples took place: who is in it, a click, conversions, calls. */
export type Story = Awaited<ReturnType<typeof startStory>>;

export async function startStory() {
  const [run, publisher] = await Promise.all([
    startWatchedRun({ cacheSeconds: 0, retrySchedule: [0] }),
    startPublisher(),
  ]);
  const { local, adminKey } = run;
  /** What the examples call it -> what it is called here. */
  const names = new Map<string, string>([['https://tia.example', publisher.url]]);
  const inOurWords = (text: string) => [...names].reduce((all, [name, ours]) => all.replaceAll(name, ours), text);

  const send = async ({ method, path, query, headers, body, key }: Call, base = local.apiUrl): Promise<Reply> => {
    const search = new URLSearchParams(query).toString();
    const answer = await fetch(`${base}${path}${search === '' ? '' : `?${search}`}`, {
      method,
      redirect: 'manual',
      headers: {
        'user-agent': USER_AGENT,
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body }),
    });
    const text = await answer.text();
    const isJson = /json/.test(answer.headers.get('content-type') ?? '');
    return {
      status: answer.status,
      headers: answer.headers,
      text,
      body: isJson && text !== '' ? (JSON.parse(text) as unknown) : undefined,
    };
  };

  const manage = async (method: string, path: string, body?: object) => {
    const call = { method, path: `/v1${path}`, query: {}, headers: {}, key: adminKey };
    const reply = await send({ ...call, body: body && JSON.stringify(body) });
    if (reply.status >= 300) throw new Error(`${method} ${path} answered ${reply.status}: ${reply.text}`);
    return z.record(z.string(), z.unknown()).parse(reply.body ?? {});
  };

  const since = new Date(Date.now() - 60_000).toISOString();
  let made = 0;
  const newName = () => `n${++made}`;
  const creating = (collection: string): Operation => {
    const found = OPERATIONS.find(({ name }) => name === `POST /v1/${collection}`);
    if (found === undefined) throw new Error(`nothing is created by POST /v1/${collection}`);
    return found;
  };
  const example = (collection: string): object =>
    JSON.parse(inOurWords(JSON.stringify(bodyExample(creating(collection))))) as object;
  const create = async (collection: string, more: object = {}) =>
    manage('POST', `/${collection}`, { ...example(collection), ...more });

  const items = async (path: string) =>
    z.array(z.record(z.string(), z.unknown())).parse((await manage('GET', path))['items']);
  const idOf = (item: Readonly<Record<string, unknown>> | undefined) => z.string().parse(item?.['id']);
  const eventually = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (let tries = 0; tries < 200; tries++) {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(50);
    }
    throw new Error(`it never came: ${look.toString()}\n${local.stderr()}`);
  };
  const postback = async (parameters: Readonly<Record<string, string>>) => {
    const query = { click_id: names.get(CLICK) ?? '', security_token: token, ...parameters };
    return send({ method: 'GET', path: '/postback', query, headers: {}, body: undefined, key: null }, local.url);
  };
  /** A call that was refused, which an operator can try again. */
  const refusedHit = async (): Promise<string> => {
    const txnId = newName();
    await postback({ status: 'maybe', txn_id: txnId, sale_amount: '1' });
    return eventually(async () => {
      const found = await items(`/hits?code=INVALID_STATUS&from=${since}`);
      const ours = found.find(({ query }) => String(query).includes(`txn_id=${txnId}&`));
      return ours && idOf(ours);
    });
  };

  // Whoever is in it, in the order of the document.
  const token = z.string().parse((await create('advertisers'))['security_token']);
  await create('senders');
  await create('publishers');
  await create('campaigns');
  await create('postbacks');
  await create('postbacks', { id: 'given-up', mode: 'add' });
  await create('keys');
  await create('adjustments');
  const walledToken = `walled-${'x'.repeat(20)}`;
  await create('senders', { id: 'walled', ip_allow_list: ['203.0.113.7'] });
  await manage('POST', '/senders/walled/tokens', { security_token: walledToken });
  const keys = new Map([['admin', adminKey]]);
  for (const role of ['manager', 'analyst', 'publisher', 'advertiser']) {
    const bound = { publisher: { publisher_id: 'tia' }, advertiser: { advertiser_id: 'xyz' } }[role];
    keys.set(role, z.string().parse((await manage('POST', '/keys', { name: role, role, ...bound }))['key']));
  }

  // What happened.
  const clicked = await send(
    {
      method: 'GET',
      path: '/c/summer/tia',
      query: { p1: 'a-click-of-theirs' },
      headers: {},
      body: undefined,
      key: null,
    },
    local.url,
  );
  names.set(CLICK, new URL(clicked.headers.get('location') ?? '').searchParams.get('cid') ?? '');
  const converted = await postback({ txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' });
  names.set(CONVERSION, z.object({ conversion_id: z.string() }).parse(converted.body).conversion_id);
  const deliveryTo = (postbackId: string) =>
    eventually(async () => {
      const [found] = await items(`/deliveries?conversion_id=${names.get(CONVERSION)}&postback_id=${postbackId}`);
      return found?.['state'] === 'delivered' ? idOf(found) : undefined;
    });
  names.set(DELIVERY, await deliveryTo('tia-sales'));
  const givenUp = await deliveryTo('given-up');
  await manage('DELETE', '/postbacks/given-up');
  names.set(ADJUSTMENT, idOf((await items('/adjustments'))[0]));
  const acceptedHit = await eventually(async () => {
    const [found] = await items(`/hits?code=OK&from=${since}`);
    return found && idOf(found);
  });
  names.set(HIT, acceptedHit);
  names.set(TOKEN, idOf(await manage('POST', '/senders/mmp/tokens', {})));
  const usedKey = 'an-idempotency-key-of-another-request';
  const firstUse = { method: 'PATCH', path: '/v1/publishers/tia', query: {}, body: '{}', key: adminKey };
  await send({ ...firstUse, headers: { 'idempotency-key': usedKey } });
  const adminKeyId = idOf((await items('/keys?role=admin'))[0]);

  /** One that nobody else needs, in a collection. */
  const fresh = async (collection: string): Promise<string> => {
    if (collection === 'hits') return refusedHit();
    if (collection === 'tokens') return idOf(await manage('POST', '/senders/mmp/tokens', {}));
    return idOf(await create(collection, { id: newName() }));
  };

  return {
    ...{ run, local, send, manage, create, fresh, newName, inOurWords, keys, adminKey, adminKeyId, token, walledToken },
    ...{ usedKey, acceptedHit, givenUp },
    /** A good call of an operation of the management API. `own`: of something that nobody else needs, where it is used up. */
    async goodCall(of: Operation, own = true): Promise<Call> {
      const steps = of.path.split('/');
      const last = steps.findLastIndex((step) => step.startsWith('{'));
      const path: string[] = [];
      for (const [i, step] of steps.entries()) {
        const given = of.parameters.find(({ name }) => `{${name}}` === step)?.example;
        const collection = steps[i - 1] ?? '';
        const needsOwn =
          own && i === last && (of.method === 'DELETE' || (of.method === 'POST' && collection === 'hits'));
        if (!step.startsWith('{')) path.push(step);
        else if (needsOwn) path.push(await fresh(collection));
        else if (given !== undefined) path.push(inOurWords(String(given)));
        else throw new Error(`${of.name}: ${step} needs an example, in openapi/parameters.ts`);
      }
      const query = of.parameters.filter((one) => one.in === 'query' && one.example !== undefined);
      const body = of.body === null ? undefined : bodyExample(of);
      const isNew = of.method === 'POST' && body !== undefined && 'id' in body;
      return {
        method: of.method,
        path: path.join('/'),
        query: Object.fromEntries(query.map(({ name, example }) => [name, inOurWords(String(example))])),
        headers: {},
        body: body && inOurWords(JSON.stringify({ ...body, ...(isNew && { id: newName() }) })),
        key: of.roles === null ? null : adminKey,
      };
    },
    async stop() {
      await Promise.all([run.stop(), publisher.stop()]);
    },
  };
}

/** The ids that the examples have where only Flowback makes one. */
const idIn = (path: string) => {
  const of = OPERATIONS.find(({ name }) => name.endsWith(path));
  return String(of?.parameters.findLast((one) => one.in === 'path')?.example);
};
const CLICK = idIn(' /v1/clicks/{id}');
const CONVERSION = idIn(' /v1/conversions/{id}');
const DELIVERY = idIn(' /v1/deliveries/{id}');
const ADJUSTMENT = idIn(' /v1/adjustments/{id}');
const HIT = idIn(' /v1/hits/{id}');
const TOKEN = idIn(' /v1/senders/{id}/tokens/{token_id}');
