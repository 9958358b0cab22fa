import * as z from 'zod';

/** A JSON Schema (2020-12), as OpenAPI 3.1 takes it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a body must look like before it is parsed. Rules between fields are not in it. */
export function inputOf(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    override({ jsonSchema }) {
      // A page of digits that says no more than the format does.
      if (jsonSchema.format === 'date-time' || jsonSchema.format === 'date') delete jsonSchema.pattern;
    },
  });
  return without(json, '$schema');
}

/** A document's merge patch: nothing is required, and null takes away what is not required. */
export function patchOf(document: JsonSchema): JsonSchema {
  const schema = without(document, 'default', 'required');
  const required = namesIn(document['required']);
  const properties = schemasIn(schema['properties']).map(([name, property]) => {
    const isRequired = required.includes(name);
    return [name, isRequired ? patchOf(property) : orNull(patchOf(property))];
  });
  const members = schema['additionalProperties'];
  return {
    ...schema,
    ...(properties.length > 0 && { properties: Object.fromEntries(properties) as JsonSchema }),
    ...(isSchema(members) && { additionalProperties: orNull(members) }),
  };
}

/** A document as it is shown: all of it is there, and later versions may show more. */
export function shownOf(document: JsonSchema): JsonSchema {
  const members = document['additionalProperties'];
  const schema = without(document, 'default', 'required', 'additionalProperties');
  const shown = Object.entries(schema).map(([name, value]) => {
    if (name === 'properties')
      return [name, Object.fromEntries(schemasIn(value).map(([key, of]) => [key, shownOf(of)]))];
    if (name === 'items' && isSchema(value)) return [name, shownOf(value)];
    if (Array.isArray(value)) return [name, value.map((part: unknown) => (isSchema(part) ? shownOf(part) : part))];
    return [name, value];
  });
  const names = schemasIn(schema['properties']).map(([name]) => name);
  return {
    ...(Object.fromEntries(shown) as JsonSchema),
    ...(names.length > 0 && { required: names }),
    ...(isSchema(members) && { additionalProperties: shownOf(members) }),
  };
}

/** An object with these members. Required are all, unless it is said which. */
export function object(properties: JsonSchema, required: readonly string[] = Object.keys(properties)): JsonSchema {
  return { type: 'object', properties, ...(required.length > 0 && { required }) };
}

/** The object with more members, put first or last. */
export function extended(
  schema: JsonSchema,
  more: { first?: JsonSchema; last?: JsonSchema; required?: readonly string[] },
) {
  const required = [...(more.required ?? []), ...namesIn(schema['required'])];
  return {
    ...schema,
    properties: { ...more.first, ...Object.fromEntries(schemasIn(schema['properties'])), ...more.last },
    ...(required.length > 0 && { required }),
  };
}

/** The members of an object. */
export function membersOf(schema: JsonSchema): Readonly<Partial<Record<string, JsonSchema>>> {
  return Object.fromEntries(schemasIn(schema['properties']));
}

/** What a list holds. */
export function itemOf(list: JsonSchema | undefined): JsonSchema {
  const items = list?.['items'];
  return isSchema(items) ? items : {};
}

export function orNull(schema: JsonSchema): JsonSchema {
  const { type, anyOf } = schema;
  if (Array.isArray(type) && type.includes('null')) return schema;
  if (Array.isArray(anyOf)) {
    return anyOf.some((part) => isSchema(part) && part['type'] === 'null')
      ? schema
      : { ...schema, anyOf: [...(anyOf as unknown[]), { type: 'null' }] };
  }
  return { anyOf: [schema, { type: 'null' }] };
}

function schemasIn(value: unknown): [string, JsonSchema][] {
  return isSchema(value)
    ? Object.entries(value).filter((entry): entry is [string, JsonSchema] => isSchema(entry[1]))
    : [];
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function without(schema: JsonSchema, ...names: readonly string[]): JsonSchema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => !names.includes(name)));
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
