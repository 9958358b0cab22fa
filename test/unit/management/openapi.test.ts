import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { aConversion, aHit } from '../../support/conversions.ts';
import { aClick } from '../../support/entities.ts';
import { ACCESS } from '../../../lambdas/management/access.ts';
import type { RouteName } from '../../../lambdas/management/access.ts';
import { createApi } from '../../../lambdas/management/api.ts';
import { showClick, showConversion, showHit } from '../../../lambdas/management/facts.ts';
import type { Deps } from '../../../lambdas/management/http.ts';
import { ANSWERS } from '../../../lambdas/management/openapi/answers.ts';
import type { AnswerName } from '../../../lambdas/management/openapi/answers.ts';
import { createOpenApi } from '../../../lambdas/management/openapi/document.ts';
import type { JsonSchema } from '../../../lambdas/management/openapi/json-schema.ts';
import { OPERATIONS } from '../../../lambdas/management/openapi/operations.ts';
import { REQUESTS } from '../../../lambdas/management/openapi/requests.ts';
import type { RequestName } from '../../../lambdas/management/openapi/requests.ts';
import { createHandlers } from '../../../lambdas/management/routes/index.ts';

/** As it is served: without what JSON leaves out. */
const TEXT = JSON.stringify(createOpenApi());
const ROUTES = Object.keys(ACCESS) as RouteName[];

const reference = z.strictObject({ $ref: z.string().regex(/^#\/components\//) });
const jsonSchema = z.record(z.string(), z.unknown());
const header = z.strictObject({ description: z.string().optional(), schema: jsonSchema });
const content = z.record(
  z.string().regex(/^[a-z]+\/[a-z+-]+$/),
  z.strictObject({ schema: jsonSchema, example: jsonSchema.optional() }),
);
const parameter = z.strictObject({
  name: z.string(),
  in: z.enum(['query', 'header', 'path']),
  description: z.string().min(1),
  required: z.boolean().optional(),
  example: z.unknown().optional(),
  schema: jsonSchema,
});
const response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), header).optional(),
  content: content.optional(),
});
const operation = z.strictObject({
  operationId: z.string().min(1),
  tags: z.array(z.string()),
  summary: z.string().min(1),
  description: z.string().min(1),
  'x-roles': z.array(z.string()).min(1).optional(),
  security: z.array(z.strictObject({})).max(0).optional(),
  parameters: z.array(z.union([reference, parameter])).optional(),
  requestBody: z.strictObject({ required: z.boolean().optional(), content }).optional(),
  responses: z.record(z.string().regex(/^[2-5]\d\d$/), z.union([reference, response])),
});
const METHODS = ['get', 'head', 'post', 'patch', 'delete'] as const;
const server = z.strictObject({
  url: z.string(),
  variables: z.record(z.string(), z.strictObject({ default: z.string(), description: z.string() })).optional(),
});
/** What the document uses of OpenAPI 3.1, and nothing else: https://spec.openapis.org/oas/v3.1.1 */
const openApi = z.strictObject({
  openapi: z.string().regex(/^3\.1\.\d$/),
  info: z.strictObject({
    title: z.string(),
    version: z.string(),
    summary: z.string(),
    description: z.string(),
    license: z.strictObject({ name: z.string(), identifier: z.string() }),
  }),
  servers: z.array(server),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(
    z.string().startsWith('/'),
    z.strictObject({ servers: z.array(server), ...named(METHODS, operation) }).partial(),
  ),
  components: z.strictObject({
    securitySchemes: z.record(
      z.string(),
      z.strictObject({ type: z.literal('http'), scheme: z.literal('bearer'), description: z.string() }),
    ),
    parameters: z.record(z.string(), parameter),
    responses: z.record(z.string(), response),
    schemas: z.record(z.string().regex(/^[A-Za-z0-9]+$/), jsonSchema),
  }),
});

function named<Name extends string, T>(names: readonly Name[], value: T): Record<Name, T> {
  return Object.fromEntries(names.map((name) => [name, value])) as Record<Name, T>;
}

/** Where a schema has fields of which it does not say what they mean. */
function undescribed(at: string, value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (name === 'examples' || name === 'default' || name === 'enum') return [];
    if (name !== 'properties') return undescribed(at, member);
    return Object.entries(jsonSchema.parse(member)).flatMap(([field, of]) => {
      const { description = '' } = z.object({ description: z.string().optional() }).parse(of);
      return [...(description === '' ? [`${at}.${field}`] : []), ...undescribed(`${at}.${field}`, of)];
    });
  });
}

/** Zod reads patterns without the flag u, which JSON Schema asks for: what is about Unicode is left out here. */
function parserOf(schema: JsonSchema): z.ZodType {
  const plain = (name: string, value: unknown) => (name === 'pattern' && /\\p/.test(String(value)) ? undefined : value);
  const copy = JSON.parse(JSON.stringify(schema, plain)) as Parameters<typeof z.fromJSONSchema>[0];
  return z.fromJSONSchema(copy);
}

const document = openApi.parse(JSON.parse(TEXT));
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  METHODS.flatMap((method) => {
    const of = item[method];
    return of === undefined
      ? []
      : [{ path, route: `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, of }];
  }),
);

describe('the OpenAPI document', () => {
  it('is the one that is checked in and deployed; `npm run openapi` writes it', () => {
    expect(JSON.parse(readFileSync('docs/api/openapi.json', 'utf8'))).toEqual(JSON.parse(TEXT));
  });

  it('has every route of the role table and the other way round', () => {
    const routes = operations.map(({ route }) => route).filter((route) => route.includes(' /v1/'));

    expect(routes.sort()).toEqual([...ROUTES].sort());
  });

  it('refers to nothing that it does not have', () => {
    for (const [, section = '', name = ''] of TEXT.matchAll(/"\$ref":"#\/components\/(\w+)\/([\w.]+)"/g)) {
      expect(Object.keys(document.components[section as 'schemas'])).toContain(name);
    }
    expect(TEXT.match(/"\$ref"/g)?.length).toBe(TEXT.match(/"\$ref":"#\/components\/\w+\/[\w.]+"/g)?.length);
  });

  it('has only patterns that are regular expressions of Unicode, as JSON Schema asks for', () => {
    const read = (name: string, value: unknown) => {
      if (name === 'pattern' && typeof value === 'string') expect(() => new RegExp(value, 'u')).not.toThrow();
      return value;
    };
    JSON.parse(TEXT, read);
  });

  it.each(operations.filter(({ of }) => of['x-roles'] !== undefined))(
    'names the roles that may use $route',
    ({ route, of }) => {
      expect(of['x-roles']).toEqual(ACCESS[route as RouteName]);
      expect(of.description).toContain((of['x-roles'] ?? []).join(', '));
    },
  );

  it('has an example of every parameter', () => {
    const parameters = operations.flatMap(({ route, of }) => (of.parameters ?? []).map((one) => ({ route, ...one })));
    const without = parameters.filter((one) => 'in' in one && (one.example ?? '') === '');

    expect(without, 'examples stand in openapi/parameters.ts').toEqual([]);
  });

  it('says what every field means', () => {
    expect(
      Object.entries(document.components.schemas).flatMap(([name, schema]) => undescribed(name, schema)),
      'meanings stand in openapi/fields.ts',
    ).toEqual([]);
  });

  it('names each operation once, and each parameter of its path', () => {
    const ids = operations.map(({ of }) => of.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, of } of operations) {
      const given = (of.parameters ?? []).flatMap((one) => ('in' in one && one.in === 'path' ? [one.name] : []));
      expect(given, path).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  it.each(ROUTES.filter((route) => ACCESS[route] !== null))('says how %s can fail', (route) => {
    const { of } = operations.find((one) => one.route === route) ?? {};
    const writes = !route.startsWith('GET ');
    const body = of?.requestBody !== undefined;
    const failures = [
      ...['401', '503'],
      ...(ACCESS[route]?.length === 5 ? [] : ['403']),
      ...(route.includes(':') ? ['404'] : []),
      ...(writes ? ['400', '409', '422'] : []),
      ...(OPERATIONS[route].ifMatch ? ['412'] : []),
      ...(body ? ['413', '415'] : []),
    ];
    expect(Object.keys(of?.responses ?? {})).toEqual(expect.arrayContaining(failures));
    expect(body).toBe(writes && !route.startsWith('DELETE '));
  });

  it.each(Object.entries({ ...REQUESTS, ...ANSWERS }))('has examples of %s that its schema takes', (_, schema) => {
    const { examples } = z.object({ examples: z.array(z.unknown()).min(1) }).parse(schema);
    const parser = parserOf(schema);
    for (const example of examples) expect(parser.safeParse(example).error).toBeUndefined();
  });
});

/** An API whose storage holds one entity of each kind, made from the example of its document. */
function anApi() {
  const admin = {
    ...{ id: 'k1', name: 'K', role: 'admin', publisher_id: null, advertiser_id: null, status: 'active' },
    ...{ version: 1, created_at: 0, updated_at: 0, expires_at: null, last_used_at: 0 },
  };
  const get = async (kind: string) => {
    if (kind.startsWith('api_key')) return admin;
    const name = `New${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    const example = exampleOf(name as RequestName);
    return {
      ...z.record(z.string(), z.unknown()).parse(example),
      version: 1,
      created_at: 0,
      updated_at: 0,
      tokens: [],
    };
  };
  const urls = { trackingUrl: 'https://track.example', apiUrl: 'https://api.example' };
  const openApi = () => document;
  const deps = { catalog: { get }, now: () => 0, random: (n: number) => new Uint8Array(n), openApi, ...urls };
  const api = createApi(createHandlers(deps as unknown as Deps), deps as unknown as Deps);
  return (route: string, body: string, type = 'application/json', query: [string, string][] = []) => {
    const [method = '', pattern = ''] = route.split(' ');
    const headers = { authorization: 'Bearer a-key-that-is-long-enough', 'content-type': type };
    const path = pattern.replaceAll(/:\w+/g, 'a'.repeat(24));
    return api({ method, path, query, headers, body, requestId: 'r' });
  };
}

function exampleOf(name: RequestName): unknown {
  if (!(name in REQUESTS)) return {};
  return (REQUESTS[name]['examples'] as unknown[])[0];
}

const call = anApi();
const WITH_BODY = ROUTES.filter((route) => OPERATIONS[route].body !== undefined);
const schemaOf = (route: RouteName): JsonSchema => {
  const { schema = 'DeliveryReplay' } = OPERATIONS[route].body ?? {};
  const whole: JsonSchema = REQUESTS[schema];
  return schema === 'ConversionReports' ? ((whole['anyOf'] as JsonSchema[])[0] ?? {}) : whole;
};

async function wrongFields(route: RouteName, body: object): Promise<{ pointer: string; code: string }[]> {
  const answer = await call(route, JSON.stringify(body));
  expect(answer).toMatchObject({ status: 422 });
  return (answer.body as { errors: { pointer: string; code: string }[] }).errors;
}

describe.each(WITH_BODY)('the body of %s', (route) => {
  it('has the fields that the route knows and requires, and no others', async () => {
    const all = Object.entries((schemaOf(route)['properties'] as Record<string, JsonSchema> | undefined) ?? {});
    const properties = all.filter(([, { readOnly }]) => readOnly !== true).map(([name]) => name);
    const required = (schemaOf(route)['required'] as string[] | undefined) ?? [];
    const unknown = await wrongFields(route, { no_such_field: 1 });
    // An array in an object is nothing that any field takes.
    const known = await wrongFields(route, {
      ...Object.fromEntries(properties.map((name) => [name, [[{}]]])),
      no_such_field: 1,
    });
    const top = (errors: typeof unknown, code: string) =>
      errors
        .filter((error) => error.code === code && /^\/\w+$/.test(error.pointer))
        .map(({ pointer }) => pointer.slice(1));

    expect(top(unknown, 'UNKNOWN_FIELD')).toEqual(['no_such_field']);
    expect(top(unknown, 'REQUIRED').sort()).toEqual([...required].sort());
    expect(top(known, 'UNKNOWN_FIELD')).toEqual(['no_such_field']);
  });

  it('is refused as the document says: 400, 413 and 415', async () => {
    expect(await call(route, '{')).toMatchObject({ status: 400 });
    expect(await call(route, '{}'.padEnd(600_000))).toMatchObject({ status: 413 });
    expect(await call(route, '{}', 'text/html')).toMatchObject({ status: 415 });
  });
});

const FILTERS = ROUTES.flatMap((route) =>
  (OPERATIONS[route].answer?.list === true ? (OPERATIONS[route].query ?? []) : []).map(({ name }) => [route, name]),
);

it.each(FILTERS)('%s looks at its parameter %s', async (route, name) => {
  const value: [string, string] = [name, '!'.repeat(513)];

  expect(await call(route, '', 'application/json', [value])).toMatchObject({ status: 400 });
});

it('serves the document to anybody', async () => {
  expect(await call('GET /v1/openapi.json', '')).toMatchObject({ status: 200, body: document });
});

it.each<[AnswerName, object]>([
  ['Click', showClick(aClick(), [])],
  ['Conversion', showConversion(aConversion())],
  ['Hit', showHit(aHit())],
])('a %s has the fields of its schema, of the right types', (name, shown) => {
  const schema = ANSWERS[name];
  const parser = parserOf(schema);

  expect(Object.keys((schema as { properties?: object }).properties ?? {}).sort()).toEqual(Object.keys(shown).sort());
  expect(parser.safeParse(JSON.parse(JSON.stringify(shown))).error).toBeUndefined();
});
