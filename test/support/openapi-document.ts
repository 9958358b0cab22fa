import { readFileSync } from 'node:fs';
import * as z from 'zod';

const parameter = z.object({
  name: z.string(),
  in: z.enum(['query', 'header', 'path']),
  required: z.boolean().optional(),
  example: z.union([z.string(), z.number()]).optional(),
});
const content = z.record(
  z.string(),
  z.object({ schema: z.record(z.string(), z.unknown()), example: z.unknown().optional() }),
);
const response = z.object({ content: content.optional() });
const reference = z.object({ $ref: z.string() });
const operation = z.object({
  'x-roles': z.array(z.string()).optional(),
  parameters: z.array(z.union([reference, parameter])).default([]),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.union([reference, response])),
});
const METHODS = ['get', 'head', 'post', 'patch', 'delete'] as const;

export const DOCUMENT: unknown = JSON.parse(
  readFileSync(new URL('../../docs/api/openapi.json', import.meta.url), 'utf8'),
);
const { paths } = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) }).parse(DOCUMENT);

/** One operation of the document, its references followed. */
export interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  /** Null: it is open. */
  readonly roles: readonly string[] | null;
  readonly parameters: readonly z.infer<typeof parameter>[];
  /** By media type. Null: it has no body. */
  readonly body: z.infer<typeof content> | null;
  readonly answers: readonly Answer[];
}

/** One declared answer of an operation. */
export interface Answer {
  readonly status: number;
  /** JSON pointer into the document, of its response. */
  readonly pointer: string;
  readonly types: readonly string[];
  /** The codes of a problem. */
  readonly codes: readonly string[];
}

export const OPERATIONS: readonly Operation[] = Object.entries(paths).flatMap(([path, item]) =>
  METHODS.filter((method) => method in item).map((method) => read(path, method, operation.parse(item[method]))),
);

function read(path: string, method: string, of: z.infer<typeof operation>): Operation {
  const here = `/paths/${path.replaceAll('/', '~1')}/${method}/responses`;
  return {
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    roles: of['x-roles'] ?? null,
    parameters: of.parameters.map((one) => parameter.parse('$ref' in one ? resolve(one.$ref) : one)),
    body: of.requestBody?.content ?? null,
    answers: Object.entries(of.responses).map(([status, given]) => {
      const found = response.parse('$ref' in given ? resolve(given.$ref) : given);
      return {
        status: Number(status),
        pointer: '$ref' in given ? given.$ref.slice(1) : `${here}/${status}`,
        types: Object.keys(found.content ?? {}),
        codes: codesOf(found),
      };
    }),
  };
}

function codesOf({ content: { 'application/problem+json': problem } = {} }: z.infer<typeof response>): string[] {
  if (problem === undefined) return [];
  const codes = z.object({
    allOf: z.tuple([
      z.unknown(),
      z.object({ properties: z.object({ code: z.object({ enum: z.array(z.string()) }) }) }),
    ]),
  });
  return codes.parse(problem.schema).allOf[1].properties.code.enum;
}

/** What a reference within the document, or a JSON pointer, leads to. */
function resolve(ref: string): unknown {
  const steps = ref.replace(/^#/, '').split('/').slice(1);
  return steps.reduce<unknown>(
    (value, step) => z.record(z.string(), z.unknown()).parse(value)[step.replaceAll('~1', '/')],
    DOCUMENT,
  );
}

/** The first example of a body. */
export function bodyExample({ name, body }: Operation): Record<string, unknown> {
  const { schema = {} } = body?.['application/json'] ?? {};
  const whole = '$ref' in schema ? resolve(String(schema['$ref'])) : schema;
  const { examples } = z.object({ examples: z.tuple([z.record(z.string(), z.unknown())], z.unknown()) }).parse(whole, {
    error: () => `${name}: its body needs an example, in openapi/requests.ts`,
  });
  return examples[0];
}
