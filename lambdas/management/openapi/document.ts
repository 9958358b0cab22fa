import packageJson from '../../../package.json' with { type: 'json' };
import type { Role } from '../../core/entities.ts';
import { ACCESS } from '../access.ts';
import type { RouteName } from '../access.ts';
import { ANSWERS } from './answers.ts';
import type { AnswerName } from './answers.ts';
import { orNull } from './json-schema.ts';
import { OPERATIONS } from './operations.ts';
import type { Operation } from './operations.ts';
import { describeParameter, pathParametersOf } from './parameters.ts';
import { PROBLEMS } from './problem-codes.ts';
import type { ProblemCode, RefusalStatus } from './problem-codes.ts';
import { refusalsOf } from './refusals.ts';
import { REQUESTS } from './requests.ts';
import type { RequestName } from './requests.ts';
import { TRACKING_PARAMETERS, TRACKING_PATHS } from './tracking.ts';

const DESCRIPTION = `Errors are problem documents (RFC 9457) with a \`code\`; what goes wrong with us is a 500 with
\`INTERNAL_ERROR\`, or a 503. Unknown fields are refused. HEAD is answered as GET is, without the body. Times are ISO 8601
in UTC. Money is a decimal string with its currency beside it. API Gateway answers 413, 429 and 503 by itself with
\`{"message"}\`. Tracking API: what visitors and advertisers call, on a host of its own. The examples are one story: of the
advertiser XYZ, the publisher Tia and a summer sale.`.replaceAll('\n', ' ');

const text = { type: 'string' };
const header = (description: string) => ({ description, schema: text });
const HEADERS: Readonly<Partial<Record<RefusalStatus, object>>> = {
  401: { 'www-authenticate': header('Bearer') },
  412: { etag: header('The version that is there') },
  503: { 'retry-after': header('Seconds') },
};

const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const schema = (name: RequestName | AnswerName) => ({ $ref: `#/components/schemas/${name}` });

/** The OpenAPI 3.1 document of the management API: all routes, from the schemas that validate them. */
export function createOpenApi() {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Flowback',
      version: packageJson.version,
      summary: packageJson.description,
      description: DESCRIPTION,
      license: { name: packageJson.license, identifier: packageJson.license },
    },
    servers: [{ url: '/' }],
    security: [{ api_key: [] }],
    tags: tagsOf([...Object.values(OPERATIONS).map(({ tag }) => tag), 'Tracking']),
    paths: { ...managementPaths(), ...TRACKING_PATHS },
    components: {
      securitySchemes: { api_key: { type: 'http', scheme: 'bearer', description: 'An API key' } },
      parameters: { ...PARAMETERS, ...TRACKING_PARAMETERS },
      responses: refusals(),
      schemas: { ...REQUESTS, ...ANSWERS },
    },
  };
}

const PARAMETERS = {
  Limit: {
    name: 'limit',
    in: 'query',
    description:
      'Most items of one page; more than 200 is 200. A page may have fewer: `next_cursor` tells whether it is the last',
    schema: { type: 'integer', minimum: 1, default: 50 },
  },
  Cursor: { name: 'cursor', in: 'query', description: '`next_cursor` of the page before', schema: text },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'A repeat with the same key gets the first answer, for 24 hours',
    schema: { type: 'string', pattern: '^[!-~]{1,255}$' },
  },
  IfMatch: { name: 'If-Match', in: 'header', description: 'The ETag of what is to be changed', schema: text },
};

function managementPaths() {
  const paths: Record<string, Record<string, object>> = {};
  for (const [route, operation] of Object.entries(OPERATIONS) as [RouteName, Operation][]) {
    const [method = '', pattern = ''] = route.split(' ');
    const path = pattern.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [method.toLowerCase()]: describe(route, operation) };
  }
  return paths;
}

function describe(route: RouteName, operation: Operation) {
  const { tag, summary, query = [], body, status, answer, etag, ifMatch } = operation;
  const roles = ACCESS[route];
  const parameters = [
    ...pathParametersOf(route),
    ...query.map((of) => ({ ...of, in: 'query', ...describeParameter(of) })),
    ...(answer?.list === true ? [parameter('Limit'), parameter('Cursor')] : []),
    ...(writes(route) ? [parameter('IdempotencyKey')] : []),
    ...(ifMatch ? [parameter('IfMatch')] : []),
  ];
  const refused = [...refusalsOf(route, operation)].map(([status, codes]) => [
    status,
    { $ref: refusal(status, codes).$ref },
  ]);
  return {
    operationId: operationIdOf(route),
    tags: [tag],
    summary,
    description: [operation.description, rolesText(roles)].filter(Boolean).join('. '),
    ...(roles === null ? { security: [] } : { 'x-roles': roles }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: { required: !body.optional, content: { 'application/json': { schema: schema(body.schema) } } },
    }),
    responses: {
      [status]: {
        description: answer === undefined ? 'Done' : summary,
        ...(etag && { headers: { etag: header('The version, for If-Match') } }),
        ...(answer && { content: { 'application/json': { schema: answerSchema(answer) } } }),
      },
      ...(Object.fromEntries(refused) as object),
    },
  };
}

function rolesText(roles: readonly Role[] | null): string {
  return roles === null ? 'No key is needed' : `For keys with the role ${roles.join(', ')}`;
}

function answerSchema({ schema: name, list }: NonNullable<Operation['answer']>) {
  if (!list) return schema(name);
  const items = { type: 'array', items: schema(name) };
  return {
    type: 'object',
    properties: { items, next_cursor: orNull({ ...text, description: 'Null: this is the last page' }) },
    required: ['items', 'next_cursor'],
  };
}

/** The refusals of all routes; those with the same codes are one. */
function refusals() {
  const routes = Object.entries(OPERATIONS) as [RouteName, Operation][];
  const all = routes.flatMap(([route, operation]) => [...refusalsOf(route, operation)]);
  return Object.fromEntries(
    all.sort(([a], [b]) => a - b).map(([status, codes]) => [refusal(status, codes).name, problem(status, codes)]),
  );
}

/** `Problem409.ID_TAKEN.CONCURRENT_CHANGE`. */
function refusal(status: RefusalStatus, codes: readonly ProblemCode[]) {
  const name = `Problem${status}.${codes.join('.')}`;
  return { name, $ref: `#/components/responses/${name}` };
}

function problem(status: RefusalStatus, codes: readonly ProblemCode[]) {
  const headers = HEADERS[status];
  const meanings = codes.map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`);
  const only = { properties: { status: { const: status }, code: { enum: codes } } };
  const content = { 'application/problem+json': { schema: { allOf: [schema('Problem'), only] } } };
  return { description: meanings.join('. '), ...(headers && { headers }), content };
}

function writes(route: RouteName): boolean {
  return !route.startsWith('GET ');
}

/** `PATCH /v1/campaigns/:id` is `patchCampaignsId`. */
function operationIdOf(route: RouteName): string {
  const [method = '', path = ''] = route.split(' ');
  const words = path
    .replace('/v1/', '')
    .split(/[^A-Za-z]+/)
    .filter(Boolean);
  return [method.toLowerCase(), ...words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))].join('');
}

function tagsOf(names: readonly string[]) {
  return [...new Set(names)].map((name) => ({ name }));
}
