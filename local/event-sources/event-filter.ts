import { StartError } from '../errors.ts';
import type { Json, Properties } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';

/** Whether the function gets an event. */
export type EventFilter = (event: Json) => boolean;

type Test = (value: Json | undefined) => boolean;

/**
 * Reads a mapping's `FilterCriteria`: an event passes if one of the patterns matches, and all do if there is none.
 *
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html#filtering-syntax
 *
 * @throws StartError for a pattern that is not valid or an operator that the local run does not know
 */
export function readFilter(criteria: Properties | undefined): EventFilter {
  const filters = criteria?.objects('Filters') ?? [];
  const tests = filters.map((filter) => compile(parsePattern(filter), `${filter.where}.Pattern`));
  return (event) => tests.length === 0 || tests.some((test) => test(event));
}

function parsePattern(filter: Properties): Json {
  const text = filter.string('Pattern');
  try {
    return parseJson(text);
  } catch {
    throw new StartError(`${filter.where}: the filter pattern is no JSON: ${text}`);
  }
}

/** Objects ask all of their fields, lists are alternatives for one value. */
function compile(pattern: Json, where: string): Test {
  if (Array.isArray(pattern) && pattern.length > 0) {
    const rules = pattern.map((rule) => compileRule(rule, where));
    return (value) => rules.some((matches) => matches(value));
  }
  if (!isJsonObject(pattern) || '$or' in pattern) throw unsupported(pattern, where);
  const fields = Object.entries(pattern).map(([name, inner]) => ({ name, test: compile(inner, `${where}.${name}`) }));
  return (value) => fields.every(({ name, test }) => test(isJsonObject(value) ? value[name] : undefined));
}

function compileRule(rule: Json, where: string): Test {
  if (!isJsonObject(rule)) {
    if (Array.isArray(rule)) throw unsupported(rule, where);
    return anyOf((value) => value === rule);
  }
  const [only, ...others] = Object.entries(rule);
  const test = only === undefined || others.length > 0 ? undefined : compileOperator(...only);
  if (test === undefined) throw unsupported(rule, where);
  return test;
}

function compileOperator(operator: string, operand: Json): Test | undefined {
  switch (operator) {
    case 'exists':
      // Of leaves only, as on AWS: an object exists for no rule.
      if (typeof operand !== 'boolean') return undefined;
      return (value) => (value !== undefined && !isJsonObject(value)) === operand;
    case 'prefix':
      return typeof operand === 'string' ? anyOf(text((value) => value.startsWith(operand))) : undefined;
    case 'suffix':
      return typeof operand === 'string' ? anyOf(text((value) => value.endsWith(operand))) : undefined;
    case 'equals-ignore-case':
      if (typeof operand !== 'string') return undefined;
      return anyOf(text((value) => value.toLowerCase() === operand.toLowerCase()));
    case 'anything-but': {
      const refused = Array.isArray(operand) ? operand : [operand];
      if (!refused.every((value) => typeof value === 'string' || typeof value === 'number')) return undefined;
      return anyOf((value) => value !== undefined && !isJsonObject(value) && !refused.some((other) => other === value));
    }
    case 'numeric':
      return compileNumeric(operand);
    default:
      return undefined;
  }
}

const COMPARISONS: Readonly<Record<string, (value: number, limit: number) => boolean>> = {
  '=': (value, limit) => value === limit,
  '<': (value, limit) => value < limit,
  '<=': (value, limit) => value <= limit,
  '>': (value, limit) => value > limit,
  '>=': (value, limit) => value >= limit,
};

/** `[">", 0, "<=", 5]`. Of JSON numbers only: those of a DynamoDB record are texts. */
function compileNumeric(operand: Json): Test | undefined {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) return undefined;
  const tests: ((value: number) => boolean)[] = [];
  for (let index = 0; index < operand.length; index += 2) {
    const [operator, limit] = operand.slice(index);
    const compare = typeof operator === 'string' ? COMPARISONS[operator] : undefined;
    if (compare === undefined || typeof limit !== 'number') return undefined;
    tests.push((value) => compare(value, limit));
  }
  return anyOf((value) => typeof value === 'number' && tests.every((test) => test(value)));
}

/** A list in the event matches if one of its elements does. */
function anyOf(test: Test): Test {
  return (value) => (Array.isArray(value) ? value.some(test) : test(value));
}

function text(test: (value: string) => boolean): Test {
  return (value) => typeof value === 'string' && test(value);
}

function unsupported(pattern: Json, where: string): StartError {
  return new StartError(`${where}: the local run does not know the filter rule ${JSON.stringify(pattern)}`);
}
