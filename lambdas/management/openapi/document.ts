import packageJson from '../../../package.json' with { type: 'json' };
import { ACCESS } from '../access.ts';
import type { RouteName } from '../access.ts';
import { ANSWERS } from './answers.ts';
import type { AnswerName } from './answers.ts';
import { orNull } from './json-schema.ts';
import { OPERATIONS } from './operations.ts';
import type { Operation } from './operations.ts';
import { REQUESTS } from './requests.ts';
import type { RequestName } from './requests.ts';
import { TRACKING_PATHS } from './tracking.ts';

const DESCRIPTION =
  `Errors are problem documents (RFC 9457) with a \`code\`. Unknown fields are refused. Times are ISO 8601 in UTC.
Money is a decimal string with its currency beside it. API Gateway answers 413, 429 and 503 by itself with
\`{"message"}\`. Tracking API: what visitors and advertisers call, on a host of its own.`.replaceAll('\n', ' ');

const ERRORS = {
  400: 'The request cannot be read, or a parameter has a wrong value',
  401: 'No API key, or one that is unknown, revoked or expired',
  403: 'The role of the key may not do this',
  404: 'There is none, or it is none of yours',
  409: 'Conflicts with what is there',
  412: 'If-Match names another version',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'VALIDATION_FAILED with every wrong field; IDEMPOTENCY_KEY_REUSED',
  503: 'Storage does not answer; try again',
} as const;

type ErrorStatus = keyof typeof ERRORS;

const text = { type: 'string' };
const header = (description: string) => ({ description, schema: text });
const HEADERS: Readonly<Partial<Record<ErrorStatus, object>>> = {
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
      parameters: PARAMETERS,
      responses: Object.fromEntries(
        (Object.entries(ERRORS) as [`${ErrorStatus}`, string][]).map(([status, description]) => [
          `Error${status}`,
          problem(Number(status) as ErrorStatus, description),
        ]),
      ),
      schemas: { ...REQUESTS, ...ANSWERS },
    },
  };
}

const PARAMETERS = {
  Limit: {
    name: 'limit',
    in: 'query',
    description: 'Items of one page; more than 200 is 200',
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
  const { tag, summary, description, query = [], body, status, answer, etag, ifMatch } = operation;
  const isOpen = ACCESS[route] === null;
  const parameters = [
    ...[...route.matchAll(/:(\w+)/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: text })),
    ...query.map((of) => ({ ...of, in: 'query' })),
    ...(answer?.list === true ? [parameter('Limit'), parameter('Cursor')] : []),
    ...(writes(route) ? [parameter('IdempotencyKey')] : []),
    ...(ifMatch ? [parameter('IfMatch')] : []),
  ];
  return {
    operationId: operationIdOf(route),
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(isOpen && { security: [] }),
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
      ...(isOpen ? {} : Object.fromEntries(errorsOf(route, operation))),
    },
  };
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

function errorsOf(
  route: RouteName,
  { query = [], body, ifMatch, conflicts, answer }: Operation,
): [ErrorStatus, object][] {
  const canBe: Readonly<Record<ErrorStatus, boolean>> = {
    400: writes(route) || query.length > 0 || answer?.list === true,
    401: true,
    403: true,
    404: route.includes(':'),
    409: writes(route),
    412: ifMatch,
    413: body !== undefined,
    415: body !== undefined,
    422: writes(route),
    503: true,
  };
  const statuses = (Object.keys(ERRORS).map(Number) as ErrorStatus[]).filter((status) => canBe[status]);
  return statuses.map((status) => {
    const common = { $ref: `#/components/responses/Error${status}` };
    return [status, status === 409 ? problem(409, [...conflicts, 'CONCURRENT_CHANGE'].join(', ')) : common];
  });
}

function problem(status: ErrorStatus, description: string) {
  const headers = HEADERS[status];
  const content = { 'application/problem+json': { schema: schema('Problem') } };
  return { description, ...(headers && { headers }), content };
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
