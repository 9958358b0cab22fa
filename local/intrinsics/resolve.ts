import { StartError } from '../errors.ts';
import type { Json, JsonObject } from '../json.ts';
import { isJsonObject } from '../json.ts';

/** What intrinsic functions can refer to. */
export interface Scope {
  /** Value of `Ref`: a resource, a parameter or a pseudo parameter; undefined if there is none of that name. */
  readonly ref: (name: string) => Json | undefined;
  /** Value of `Fn::GetAtt`; undefined if the resource or its attribute is unknown. */
  readonly attribute: (resource: string, attribute: string) => string | undefined;
  /** The template's `Conditions`. */
  readonly conditions: JsonObject;
  /** The template's `Mappings`. */
  readonly mappings: JsonObject;
}

const NO_VALUE = Symbol('AWS::NoValue');
type Resolved = Json | typeof NO_VALUE;

/**
 * Replaces the intrinsic functions in a template's value.
 *
 * @param where names the value in error messages
 * @throws StartError for a function that is not supported or a reference to nothing
 */
export function resolveIntrinsics(value: Json, scope: Scope, where: string): Json {
  const resolved = resolve(value, scope, where);
  return resolved === NO_VALUE ? null : resolved;
}

/** Whether the template's condition of this name holds. */
export function conditionHolds(name: string, scope: Scope): boolean {
  const condition = scope.conditions[name];
  if (condition === undefined) throw new StartError(`Conditions: there is no condition ${name}`);
  return evaluate(condition, scope, `Conditions.${name}`);
}

function resolve(value: Json, scope: Scope, where: string): Resolved {
  if (Array.isArray(value)) {
    return value.map((item, index) => resolve(item, scope, `${where}[${index}]`)).filter((item) => item !== NO_VALUE);
  }
  if (!isJsonObject(value)) return value;
  const call = intrinsicOf(value);
  if (call !== undefined) return apply(call.name, call.argument, scope, where);
  const object: JsonObject = {};
  for (const [name, item] of Object.entries(value)) {
    const resolved = resolve(item, scope, `${where}.${name}`);
    if (resolved !== NO_VALUE) object[name] = resolved;
  }
  return object;
}

/** The function call that an object stands for: an object whose only key is `Ref`, `Condition` or begins with `Fn::`. */
function intrinsicOf(value: JsonObject): { readonly name: string; readonly argument: Json } | undefined {
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entries.length !== 1 || entry === undefined) return undefined;
  const [name, argument] = entry;
  return name === 'Ref' || name.startsWith('Fn::') ? { name, argument } : undefined;
}

function apply(name: string, argument: Json, scope: Scope, where: string): Resolved {
  const fail = (reason: string): never => {
    throw new StartError(`${where}: ${name} ${reason}`);
  };
  const strings = (value: Json, what: string): string[] => {
    const list = resolveIntrinsics(value, scope, where);
    if (!Array.isArray(list)) return fail(`needs a list ${what}`);
    return list.map((item) => scalar(item) ?? fail(`needs a list of strings ${what}`));
  };
  switch (name) {
    case 'Ref': {
      if (typeof argument !== 'string') return fail('needs a name');
      if (argument === 'AWS::NoValue') return NO_VALUE;
      return scope.ref(argument) ?? fail(`to ${argument}, which is neither a resource nor a parameter known here`);
    }
    case 'Fn::GetAtt': {
      const [resource, attribute] = attributeOf(argument) ?? fail('needs a resource and an attribute');
      return scope.attribute(resource, attribute) ?? fail(`of ${resource}.${attribute}, which is not known here`);
    }
    case 'Fn::Join': {
      if (!Array.isArray(argument) || argument.length !== 2) return fail('needs a separator and a list');
      const [separator, list] = argument;
      if (typeof separator !== 'string') return fail('needs a separator and a list');
      return strings(list ?? null, 'to join').join(separator);
    }
    case 'Fn::Split': {
      if (!Array.isArray(argument) || argument.length !== 2) return fail('needs a separator and a string');
      const text = resolveIntrinsics(argument[1] ?? null, scope, where);
      if (typeof argument[0] !== 'string' || typeof text !== 'string') return fail('needs a separator and a string');
      return text.split(argument[0]);
    }
    case 'Fn::Select': {
      if (!Array.isArray(argument) || argument.length !== 2) return fail('needs an index and a list');
      const list = resolveIntrinsics(argument[1] ?? null, scope, where);
      const index = Number(resolveIntrinsics(argument[0] ?? null, scope, where));
      if (!Array.isArray(list)) return fail('needs an index and a list');
      return list[index] ?? fail(`finds nothing at ${index}`);
    }
    case 'Fn::Sub': {
      const [text, variables] = Array.isArray(argument) ? argument : [argument, {}];
      if (typeof text !== 'string' || !isJsonObject(variables)) return fail('needs a string');
      return substitute(text, variables, scope, where);
    }
    case 'Fn::If': {
      if (!Array.isArray(argument) || argument.length !== 3) return fail('needs a condition and two values');
      const [condition, whenTrue, whenFalse] = argument;
      if (typeof condition !== 'string') return fail('needs the name of a condition');
      return resolve((conditionHolds(condition, scope) ? whenTrue : whenFalse) ?? null, scope, where);
    }
    case 'Fn::FindInMap': {
      const [map, first, second] = strings(argument, 'of a map and two keys');
      const level = scope.mappings[map ?? ''];
      const entry = isJsonObject(level) ? level[first ?? ''] : undefined;
      return (
        (isJsonObject(entry) ? entry[second ?? ''] : undefined) ?? fail(`finds nothing at ${map}.${first}.${second}`)
      );
    }
    case 'Fn::Base64': {
      const text = resolveIntrinsics(argument, scope, where);
      return typeof text === 'string' ? Buffer.from(text).toString('base64') : fail('needs a string');
    }
    case 'Fn::And':
    case 'Fn::Or':
    case 'Fn::Not':
    case 'Fn::Equals':
      return evaluate({ [name]: argument }, scope, where);
    default:
      return fail('is not supported by the local run');
  }
}

function evaluate(condition: Json, scope: Scope, where: string): boolean {
  if (isJsonObject(condition) && Object.keys(condition).length === 1) {
    if (typeof condition.Condition === 'string') return conditionHolds(condition.Condition, scope);
    const call = intrinsicOf(condition);
    const parts = Array.isArray(call?.argument) ? call.argument : [];
    switch (call?.name) {
      case 'Fn::And':
        return parts.every((part) => evaluate(part, scope, where));
      case 'Fn::Or':
        return parts.some((part) => evaluate(part, scope, where));
      case 'Fn::Not':
        return !evaluate(parts[0] ?? null, scope, where);
      case 'Fn::Equals': {
        const [left, right] = parts.map((part) => JSON.stringify(resolveIntrinsics(part, scope, where)));
        return left === right;
      }
      default:
    }
  }
  throw new StartError(`${where}: this condition is not supported by the local run`);
}

/** The variables of `Fn::Sub`: `${Name}`, `${Resource.Attribute}`; `${!Name}` stands for itself. */
const VARIABLE = /\$\{(!?)([^}]+)\}/g;

function substitute(text: string, variables: JsonObject, scope: Scope, where: string): string {
  return text.replace(VARIABLE, (_match, literal: string, name: string) => {
    if (literal === '!') return `\${${name}}`;
    const own = variables[name];
    const dot = name.indexOf('.');
    const value =
      own !== undefined
        ? resolveIntrinsics(own, scope, where)
        : dot === -1
          ? scope.ref(name)
          : scope.attribute(name.slice(0, dot), name.slice(dot + 1));
    const string = scalar(value ?? null);
    if (string === undefined) throw new StartError(`${where}: Fn::Sub of \${${name}}, which is not known here`);
    return string;
  });
}

/** The resource and attribute of `Fn::GetAtt`, which may be written as a list or with a dot. */
function attributeOf(argument: Json): readonly [string, string] | undefined {
  const parts =
    typeof argument === 'string' ? [argument.split('.', 1)[0], argument.slice(argument.indexOf('.') + 1)] : argument;
  if (!Array.isArray(parts)) return undefined;
  const [resource, attribute] = parts;
  return typeof resource === 'string' && typeof attribute === 'string' ? [resource, attribute] : undefined;
}

/** The names that a value refers to by `Ref`, `Fn::GetAtt` and `Fn::Sub`: resources, parameters, pseudo parameters. */
export function referencesOf(value: Json): Set<string> {
  const names = new Set<string>();
  collect(value, names);
  return names;
}

function collect(value: Json, names: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, names);
    return;
  }
  if (!isJsonObject(value)) return;
  const call = intrinsicOf(value);
  if (call?.name === 'Ref' && typeof call.argument === 'string') {
    names.add(call.argument);
  } else if (call?.name === 'Fn::GetAtt') {
    const resource = attributeOf(call.argument)?.[0];
    if (resource !== undefined) names.add(resource);
  } else {
    if (call?.name === 'Fn::Sub') {
      const text = Array.isArray(call.argument) ? call.argument[0] : call.argument;
      for (const [, literal, name] of (typeof text === 'string' ? text : '').matchAll(VARIABLE)) {
        if (literal !== '!' && name !== undefined) names.add(name.split('.', 1)[0] ?? name);
      }
    }
    for (const item of Object.values(value)) collect(item, names);
  }
}

function scalar(value: Json): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
