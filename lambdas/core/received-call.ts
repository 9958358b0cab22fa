import { parseParameters } from './parameters.ts';
import type { TransportCode } from './reasons.ts';

/** Bodies above this are refused unparsed. */
const BODY_LIMIT = 64 * 1024;

/** An inbound conversion call as the front door hands it over. */
export interface InboundCall {
  readonly method: string;
  /** The route, not the path: `/postback/{sender_id}`. */
  readonly route: string;
  readonly senderId: string | null;
  /** Raw, without the question mark. */
  readonly query: string;
  readonly contentType: string | null;
  readonly authorization: string | null;
  readonly body: Uint8Array | null;
  readonly sourceIp: string;
}

/** One parameter. `structure`: a JSON object or array, as its text. */
export interface Received {
  readonly name: string;
  readonly value: string;
  readonly kind: 'text' | 'number' | 'structure';
}

/** All parameters of a call, in order, repeated ones included. */
export interface ReceivedCall {
  readonly query: readonly Received[];
  readonly body: readonly Received[];
  readonly bearer: string | null;
  /** The text of a body that should be a JSON object and is not. */
  readonly unreadable: string | null;
}

/** A call that says these parameters, in its body; null or '': it does not have one. */
export function callWith(parameters: Readonly<Record<string, string | null>>): ReceivedCall {
  const body = Object.entries(parameters).map(([name, value]): Received => ({
    name,
    value: value ?? '',
    kind: 'text',
  }));
  return { query: [], body, bearer: null, unreadable: null };
}

/** How a body of some content type is read. */
type BodyTypes = ReadonlyMap<string | undefined, 'form' | 'json'>;

const POSTBACK_TYPES: BodyTypes = new Map([
  ['application/x-www-form-urlencoded', 'form'],
  ['application/json', 'json'],
]);

/** What a page may send to another origin without asking it first, and what says what it is. */
export const TAG_TYPES: BodyTypes = new Map([
  ['text/plain', 'json'],
  ['application/json', 'json'],
]);

/** Reads a call's parameters, or says why nobody looks into it. */
export function readCall(call: InboundCall, types: BodyTypes = POSTBACK_TYPES): ReceivedCall | TransportCode {
  if (call.method !== 'GET' && call.method !== 'POST') return 'METHOD_NOT_ALLOWED';
  const query = readForm(call.query);
  const bearer = /^Bearer +(.+)$/i.exec(call.authorization ?? '')?.[1] ?? null;
  const none = { query, body: [], bearer, unreadable: null };
  // A body has no meaning with GET, whatever its type.
  if (call.method === 'GET' || call.body === null || call.body.length === 0) return none;
  if (call.body.length > BODY_LIMIT) return 'BODY_TOO_LARGE';

  const type = types.get(call.contentType?.split(';', 1)[0]?.trim().toLowerCase());
  if (type === undefined) return 'UNSUPPORTED_CONTENT_TYPE';
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(call.body);
  if (type === 'form') return { ...none, body: readForm(text) };
  return { ...readJsonCall(text), query, bearer };
}

function readForm(raw: string): Received[] {
  return parseParameters(raw).map(([name, value]) => ({ name, value, kind: 'text' }));
}

/** Reads the text of a JSON value that should be an object as the body of a call. */
export function readJsonCall(text: string): ReceivedCall {
  const body = readJsonObject(text);
  return { query: [], body: body ?? [], bearer: null, unreadable: body === null ? text : null };
}

/** Members of a JSON object, repeated ones included, or null if the text is no JSON object. */
export function readJsonObject(text: string): Received[] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  } catch {
    return null;
  }
  return partsOf(text).map(([name, raw]) => readJsonValue(name, raw));
}

/** The texts of the elements of a JSON array. */
export function readJsonArray(text: string): string[] {
  return partsOf(text).map(([, raw]) => raw);
}

function readJsonValue(name: string, raw: string): Received {
  if (raw.startsWith('"')) return { name, value: String(JSON.parse(raw)), kind: 'text' };
  if (raw.startsWith('{') || raw.startsWith('[')) return { name, value: raw, kind: 'structure' };
  if (raw === 'null') return { name, value: '', kind: 'text' };
  // A number keeps its digits: a transaction id must not go through floating point.
  return { name, value: raw, kind: raw === 'true' || raw === 'false' ? 'text' : 'number' };
}

const JSON_TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+/g;

/**
 * Names and raw values of the outermost members of a valid JSON object, or, nameless, the elements of an array. JSON.parse
 * keeps only the last of several members with one name, and turns numbers into floating point.
 */
function partsOf(text: string): [name: string, raw: string][] {
  const parts: [string, string][] = [];
  let depth = 0;
  let name = '';
  let from = 0;
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    const opens = token === '{' || token === '[';
    const closes = token === '}' || token === ']';
    if (opens) depth++;
    if (depth === 1) {
      const part = text.slice(from, index).trim();
      if (token === ':') name = String(JSON.parse(part));
      else if ((token === ',' || closes) && part !== '') parts.push([name, part]);
      if (opens || closes || token === ':' || token === ',') from = index + 1;
    }
    if (closes) depth--;
  }
  return parts;
}
