import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyExample, DOCUMENT, OPERATIONS } from '../../support/openapi-document.ts';
import type { Answer, Operation } from '../../support/openapi-document.ts';
import { codeOf, startStory } from '../../support/openapi-story.ts';
import type { Call, Reply, Story } from '../../support/openapi-story.ts';

let story: Story;
beforeAll(async () => {
  story = await startStory();
}, 120_000);
afterAll(() => story.stop());

const MANAGEMENT = OPERATIONS.filter(({ path }) => path.startsWith('/v1/'));
const TRACKING = OPERATIONS.filter(({ path }) => !path.startsWith('/v1/'));
const named = (operations: readonly Operation[]) => operations.map((of) => [of.name, of] as const);

/**
 * A copy in which no object may have a member that the document does not name, and in which what bound keys see a part of
 * must be whole: operators ask here.
 */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  const isObject = copy['type'] === 'object' && 'properties' in copy && !('additionalProperties' in copy);
  if (!isObject) return copy;
  const { description } = copy;
  const isProjected = typeof description === 'string' && description.startsWith('Keys bound to');
  // Writes alone are answered with it.
  const names = Object.keys(copy['properties'] as object).filter((name) => name !== 'effective_by');
  return { ...copy, ...(isProjected && { required: names }), additionalProperties: false };
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(closed(DOCUMENT) as object, 'openapi');

/** What is wrong with a reply, by the answer that the document declares for its status. */
function problemsWith(reply: Reply, answers: readonly Answer[]): string[] {
  const answer = answers.find(({ status }) => status === reply.status);
  if (answer === undefined) return [`${reply.status} is not declared: ${reply.text.slice(0, 500)}`];
  const given = reply.headers.get('content-type')?.split(';')[0];
  const [type] = answer.types;
  if (type === undefined) return reply.text === '' ? [] : [`a body where none is declared: ${reply.text}`];
  if (given !== type) return [`${given ?? 'nothing'} instead of ${type}`];
  if (!type.endsWith('json')) return [];
  const pointer = `${answer.pointer}/content/${type.replaceAll('/', '~1')}/schema`;
  const validate = ajv.getSchema(`openapi#${encodeURI(pointer)}`);
  if (validate === undefined) return [`no schema at ${pointer}`];
  return validate(reply.body) === true
    ? []
    : (validate.errors ?? []).map(
        (error) => `${error.instancePath} ${error.message ?? ''} ${JSON.stringify(error.params)}`,
      );
}

const goodStatus = ({ answers }: Operation) => answers.find(({ status }) => status < 400)?.status;

describe.concurrent('a good call', () => {
  const reads = MANAGEMENT.filter(({ method }) => method === 'GET');
  test.each(named(reads))('of %s is answered as the document says, and HEAD without a body', async (_, of) => {
    const call = await story.goodCall(of);
    const [reply, head] = [await story.send(call), await story.send({ ...call, method: 'HEAD' })];

    expect(reply.status, reply.text).toBe(goodStatus(of));
    expect(problemsWith(reply, of.answers)).toEqual([]);
    expect([head.status, head.text]).toEqual([reply.status, '']);
  });

  const writes = MANAGEMENT.filter(({ method }) => method !== 'GET');
  test.each(named(writes))(
    'of %s is answered as the document says, and again by its Idempotency-Key',
    async (_, of) => {
      const call = withHeader(await story.goodCall(of), 'idempotency-key', story.newName());
      const [reply, again] = [await story.send(call), await story.send(call)];

      expect(reply.status, reply.text).toBe(goodStatus(of));
      expect(problemsWith(reply, of.answers)).toEqual([]);
      expect([again.status, again.text]).toEqual([reply.status, reply.text]);
    },
  );

  const lists = MANAGEMENT.filter(({ parameters }) => parameters.some(({ name }) => name === 'cursor'));
  test.each(named(lists))('of %s without filters finds something of the form that is declared', async (_, of) => {
    const reply = await story.send({ ...(await story.goodCall(of)), query: {} });

    expect(reply.body).toMatchObject({ items: expect.arrayContaining([expect.anything()]) as unknown });
    expect(problemsWith(reply, of.answers)).toEqual([]);
  });
});

/** Calls of an operation of which one is refused with the code. */
type Provoke = (of: Operation, good: Call) => Promise<Call[]> | Call[];

const withBody = (good: Call, body: object): Call => ({ ...good, body: JSON.stringify(body) });
const withHeader = (good: Call, name: string, value: string): Call => ({ ...good, headers: { [name]: value } });
/** Of the last thing that the path names. */
const elsewhere = (of: Operation, good: Call, id: string): Call => {
  const [step] = of.path.match(/\{\w+\}(?!.*\{)/) ?? [''];
  const at = of.path.split('/').indexOf(step);
  return { ...good, path: good.path.split('/').with(at, id).join('/') };
};
const collectionOf = ({ path }: Operation): string => /([a-z-]+)\/\{\w+\}(?!.*\{)/.exec(path)?.[1] ?? '';

const PROVOKE: Readonly<Partial<Record<string, Provoke>>> = {
  MALFORMED_REQUEST: (_, good) => [{ ...good, body: '{' }],
  INVALID_PARAMETER: ({ parameters, method }, good) => {
    if (method !== 'GET') return [withHeader(good, 'idempotency-key', 'x'.repeat(256))];
    const wrong = parameters.filter((one) => one.in === 'query').map(({ name }) => ({ [name]: '!' }));
    return [...wrong, {}].map((query) => ({ ...good, query }));
  },
  INVALID_CURSOR: ({ method }, good) =>
    method === 'GET' ? [{ ...good, query: { cursor: 'x' } }] : [withBody(good, { cursor: 'x' })],
  UNAUTHORIZED: (_, good) => [
    { ...good, key: null },
    { ...good, key: 'fb_22222222222222222222222222222222' },
  ],
  FORBIDDEN: ({ roles }, good) => {
    const other = [...story.keys].find(([role]) => roles?.includes(role) !== true)?.[1];
    if (other !== undefined) return [{ ...good, key: other }];
    return [{ ...good, key: story.keys.get('publisher') ?? null, query: { publisher_id: 'somebody-else' } }];
  },
  NOT_FOUND: (of, good) => [elsewhere(of, good, 'no-such-one')],
  async ID_TAKEN(_, good) {
    await story.send(good);
    return [good];
  },
  TOKEN_IN_USE: (of, good) => {
    const isNew = of.path.split('/').length === 3;
    const id = isNew ? { id: story.newName() } : {};
    return [withBody(good, { ...bodyExample(of), ...id, security_token: story.token })];
  },
  async TOO_MANY(of, good) {
    const id = await story.fresh('senders');
    const full = elsewhere(of, good, id);
    for (let n = 0; n < 20; n++) await story.send(full);
    return [full];
  },
  async ARCHIVED(of, good) {
    const collection = collectionOf(of);
    const id = await story.fresh(collection);
    await story.manage('DELETE', `/${collection}/${id}`);
    return [elsewhere(of, good, id)];
  },
  NOT_REPLAYABLE: (of, good) => [elsewhere(of, good, story.givenUp)],
  NOT_REJECTED: (of, good) => [elsewhere(of, good, story.acceptedHit)],
  LAST_ADMIN_KEY(of, good) {
    const call = elsewhere(of, good, story.adminKeyId);
    return [of.method === 'DELETE' ? call : withBody(call, { expires_at: '2031-01-01T00:00:00Z' })];
  },
  PRECONDITION_FAILED: (_, good) => [withHeader(good, 'if-match', '"999"')],
  BODY_TOO_LARGE: (_, good) => [{ ...good, body: '{}'.padEnd(600_000) }],
  UNSUPPORTED_MEDIA_TYPE: (_, good) => [withHeader({ ...good, body: '{}' }, 'content-type', 'text/html')],
  VALIDATION_FAILED: (_, good) => [withBody(good, { no_such_field: 1 })],
  IDEMPOTENCY_KEY_REUSED: (_, good) => [withHeader(good, 'idempotency-key', story.usedKey)],
  // While storage fails: see below.
  CONCURRENT_CHANGE: (_, good) => [withHeader(good, 'idempotency-key', story.newName())],
  TEMPORARILY_UNAVAILABLE: (_, good) => [good],
};

/** Every refusal that the document declares. */
const refusals = MANAGEMENT.flatMap((of) =>
  of.answers.flatMap(({ status, codes }) => codes.map((code) => [of.name, status, code, of] as const)),
);
const OF_STORAGE = new Set(['CONCURRENT_CHANGE', 'TEMPORARILY_UNAVAILABLE']);

async function provoked(of: Operation, code: string): Promise<Call[]> {
  const provoke = PROVOKE[code];
  if (provoke === undefined) throw new Error(`nothing here provokes ${code}: add it to PROVOKE`);
  // A hit that was tried again is refused for that. Everything else is still there after a refusal.
  const usesUp = code === 'CONCURRENT_CHANGE' && of.path.startsWith('/v1/hits/');
  return provoke(of, await story.goodCall(of, usesUp));
}

async function expectRefusal(of: Operation, calls: readonly Call[], status: number, code: string): Promise<void> {
  const seen: string[] = [];
  for (const call of calls) {
    const reply = await story.send(call);
    seen.push(reply.text.slice(0, 500));
    if (codeOf(reply) !== code) continue;
    expect(reply.status).toBe(status);
    expect(problemsWith(reply, of.answers)).toEqual([]);
    return;
  }
  expect.fail(`no ${code} but ${seen.join('\n')}`);
}

describe.concurrent('a refusal', () => {
  const ours = refusals.filter(([, , code]) => !OF_STORAGE.has(code));

  test.each(ours)('of %s: %i %s', async (_, status, code, of) => {
    await expectRefusal(of, await provoked(of, code), status, code);
  });
});

/** A call of the tracking API that is answered with the status. */
type Track = (of: Operation) => Call;

function visit(of: Operation, more: Partial<Call> = {}): Call {
  const given = (where: string) =>
    of.parameters
      .filter((one) => one.in === where)
      .map(({ name, example }) => [name, story.inOurWords(String(example))]);
  const inPath = new Map(given('path').map(([name, value]) => [`{${name}}`, value]));
  const path = of.path.replaceAll(/\{\w+\}/g, (step) => inPath.get(step) ?? step);
  const query = Object.fromEntries(given('query')) as Record<string, string>;
  const [type, body] = Object.entries(of.body ?? {})[0] ?? [];
  if (type === undefined) return { method: of.method, path, query, headers: {}, body: undefined, key: null, ...more };
  const fields = JSON.parse(story.inOurWords(JSON.stringify(body?.example))) as Record<string, string>;
  const text = type.endsWith('json') ? JSON.stringify(fields) : new URLSearchParams(fields).toString();
  return { method: of.method, path, query: {}, headers: { 'content-type': type }, body: text, key: null, ...more };
}
const elsewhereLinked: Track = (of) => {
  const call = visit(of);
  return {
    ...call,
    path: call.path.replace('summer', 'no-such-one'),
    query: { ...call.query, campaign_id: 'no-such-one' },
  };
};
/** What it says is said in the query, which a body goes before. */
function reported(of: Operation, said: Readonly<Record<string, string>> = {}, key = story.token): Call {
  const call = visit(of);
  if (of.body === null) return { ...call, query: { ...call.query, security_token: key, ...said } };
  const fields = Object.fromEntries(new URLSearchParams(call.body));
  return { ...call, key, body: new URLSearchParams({ ...fields, ...said }).toString() };
}
const tagged = (of: Operation, said: object): Call => {
  const call = visit(of);
  return { ...call, body: JSON.stringify({ ...(JSON.parse(call.body ?? '{}') as object), ...said }) };
};

const WRONG_BODY: Readonly<Record<number, Track>> = {
  413: (of) => ({ ...visit(of), body: 'x'.repeat(70_000) }),
  415: (of) => ({ ...visit(of), headers: { 'content-type': 'application/xml' } }),
};
const OF_POSTBACKS: Readonly<Record<number, Track>> = {
  ...WRONG_BODY,
  200: (of) => reported(of),
  202: (of) => reported(of, { txn_id: story.newName(), status: 'rejected' }),
  400: (of) => reported(of, { status: 'maybe' }),
  401: (of) => reported(of, {}, 'a-token-that-nobody-has'),
  403: (of) => {
    const call = reported(of, {}, story.walledToken);
    return { ...call, path: call.path.replace('/xyz', '/walled') };
  },
  409: (of) => reported(of, { sale_amount: '1' }),
  422: (of) => reported(of, { click_id: 'a'.repeat(32) }),
  503: (of) => reported(of, { txn_id: story.newName() }),
};
const TRACKS: Readonly<Record<string, Readonly<Record<number, Track>>>> = {
  click: { 302: (of) => visit(of), 404: elsewhereLinked, 503: elsewhereLinked },
  c: { 302: (of) => visit(of), 404: elsewhereLinked, 503: elsewhereLinked },
  impression: { 200: (of) => visit(of) },
  postback: OF_POSTBACKS,
  acquisition: OF_POSTBACKS,
  'pixel.gif': { 200: (of) => visit(of) },
  'pixel.html': { 200: (of) => visit(of) },
  'tag.js': { 200: (of) => visit(of), 304: (of) => visit(of) },
  'tag.txt': { 200: (of) => visit(of) },
  tag: {
    ...WRONG_BODY,
    200: (of) => visit(of),
    202: (of) => tagged(of, { txn_id: 'while-storage-is-down' }),
    400: (of) => ({ ...visit(of), body: '{' }),
    422: (of) => tagged(of, { click_id: 'a'.repeat(32) }),
    503: (of) => tagged(of, { txn_id: 'while-all-is-down' }),
  },
};
const tracked = TRACKING.flatMap((of) => of.answers.map(({ status }) => [of.name, status, of] as const));
const track = (of: Operation, status: number): Call => {
  const call = TRACKS[of.path.split('/')[1] ?? '']?.[status];
  if (call === undefined) throw new Error(`nothing here makes ${of.name} answer ${status}: add it to TRACKS`);
  return call(of);
};
/** Statuses of which the reason is that storage, or everything, is down. */
const whileDown = (of: Operation, status: number) => status === 503 || (of.path === '/tag/convert' && status === 202);

async function expectAnswer(of: Operation, status: number, call = track(of, status)): Promise<void> {
  const reply = await story.send(call, story.local.url);
  expect(reply.status, reply.text.slice(0, 500)).toBe(status);
  expect(problemsWith(reply, of.answers)).toEqual([]);
}

describe.concurrent('the tracking API', () => {
  test.each(tracked.filter(([, status, of]) => !whileDown(of, status)))('%s: %i', async (_, status, of) => {
    const call = track(of, status);
    if (status !== 304) return expectAnswer(of, status, call);
    const { headers } = await story.send(call, story.local.url);
    return expectAnswer(of, status, withHeader(call, 'if-none-match', headers.get('etag') ?? ''));
  });
});

// Not concurrent itself: the others must be over.
describe('while another writes the same, a refusal', () => {
  beforeAll(() => {
    // The answer is kept in the transaction of the change, or in one of its own.
    const isAnswer = (body: Buffer) => body.includes('idempotency#');
    story.run.fail((target, body) => (target.endsWith('.TransactWriteItems') && isAnswer(body) ? 'lost' : 'ok'));
  });
  afterAll(() => story.run.fail(() => 'ok'));
  const ours = refusals.filter(([, , code]) => code === 'CONCURRENT_CHANGE');

  test.concurrent.each(ours)('of %s: %i %s', async (_, status, code, of) => {
    await expectRefusal(of, await provoked(of, code), status, code);
  });
});

describe('while storage is down', () => {
  let calls: Map<string, Call[]>;
  beforeAll(async () => {
    calls = new Map();
    for (const of of MANAGEMENT) calls.set(of.name, await provoked(of, 'TEMPORARILY_UNAVAILABLE'));
  });
  afterAll(() => story.run.fail(() => 'ok'));
  const down = refusals.filter(([, , code]) => code === 'TEMPORARILY_UNAVAILABLE');

  test.concurrent.each(down)('%s is refused: %i %s', async (name, status, code, of) => {
    story.run.fail(
      () => 'reject',
      () => 'reject',
    );
    await expectRefusal(of, calls.get(name) ?? [], status, code);
  });

  test.each(tracked.filter(([, status, of]) => whileDown(of, status)))('%s: %i', async (_, status, of) => {
    story.run.fail(() => 'reject', status === 503 ? () => 'reject' : undefined);
    await expectAnswer(of, status);
  });
});

describe('no request', () => {
  // Of all the calls above: every route, the visits, and the deliveries that followed.
  const KEYED = ['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'TransactWriteItems'];
  const OF_THE_RUN = [
    'CreateTable',
    'DescribeTable',
    'ListTables',
    'UpdateTimeToLive',
    'DescribeTimeToLive',
    'UpdateContinuousBackups',
    'DescribeStream',
    'GetRecords',
    'GetShardIterator',
    'ListStreams',
  ];

  test('scans a table, or reads without naming one partition', () => {
    const { operations, unboundQueries } = story.run;

    expect([...operations.keys()]).toEqual(expect.arrayContaining(['GetItem', 'Query', 'TransactWriteItems']));
    expect([...operations.keys()].filter((name) => ![...KEYED, ...OF_THE_RUN].includes(name))).toEqual([]);
    expect(unboundQueries).toEqual([]);
  });
});
