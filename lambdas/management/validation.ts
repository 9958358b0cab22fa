import type * as z from 'zod';
import { isObject } from '../core/merge-patch.ts';
import { Problem, validationFailed } from './problems.ts';
import type { FieldError } from './problems.ts';

/** Parses a body; throws a 422 that lists every wrong field. */
export function validate<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw validationFailed(errorsOf(result.error, input));
}

/** Every wrong field of a body; none: it is valid. */
export function wrongFields(schema: z.ZodType, input: unknown): FieldError[] {
  const result = schema.safeParse(input);
  return result.success ? [] : errorsOf(result.error, input);
}

/** Adds a custom error with a code of ours. */
export function refuse(ctx: z.RefinementCtx, path: readonly (string | number)[], code: string, message: string): void {
  ctx.addIssue({ code: 'custom', path: [...path], message, params: { code } });
}

/** So many are told: a long list of nothing but mistakes would make an answer that is too long to be sent. */
const MAX_ERRORS = 100;

function errorsOf(error: z.ZodError, input: unknown): FieldError[] {
  const issues = error.issues.slice(0, MAX_ERRORS);
  return issues.flatMap((issue) => fieldErrors(issue, input)).slice(0, MAX_ERRORS);
}

function fieldErrors(issue: z.core.$ZodIssue, input: unknown): FieldError[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      pointer: pointerOf([...issue.path, key]),
      code: 'UNKNOWN_FIELD',
      message: 'There is no such field',
    }));
  }
  const pointer = pointerOf(issue.path);
  if (issue.code === 'custom') {
    const code: unknown = issue.params?.['code'];
    return [{ pointer, code: typeof code === 'string' ? code : 'INVALID_VALUE', message: issue.message }];
  }
  if (valueAt(input, issue.path) === undefined)
    return [{ pointer, code: 'REQUIRED', message: 'The field is required' }];
  return [{ pointer, code: issue.code.toUpperCase(), message: issue.message }];
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)];
    else if (isObject(value) && Object.hasOwn(value, part)) value = value[String(part)];
    else return undefined;
  }
  return value;
}

/** Characters of a request's body. The largest campaign is far below; what is stored must fit into a row of 400 kB. */
export const MAX_BODY = 128 * 1024;
/** Of one that is a list of changes or reports, none of which is stored as it is: each of a thousand has room for some words. */
export const MAX_LIST_BODY = 512 * 1024;
/** Levels of objects and arrays; a campaign has five. */
const MAX_DEPTH = 16;

/** Parses a JSON body whose depth recursion can bear. */
export function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem(400, 'MALFORMED_REQUEST', 'The body is no JSON');
  }
  if (isDeeper(value, MAX_DEPTH)) throw new Problem(400, 'MALFORMED_REQUEST', 'The body is nested too deeply');
  return value;
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}
