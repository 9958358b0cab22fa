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

/** Reads a call's parameters, or says why nobody looks into it. */
export function readCall(call: InboundCall): ReceivedCall | TransportCode {
  if (call.method !== 'GET' && call.method !== 'POST') return 'METHOD_NOT_ALLOWED';
  const query = readForm(call.query);
  const bearer = /^Bearer +(.+)$/i.exec(call.authorization ?? '')?.[1] ?? null;
  const none = { query, body: [], bearer, unreadable: null };
  // A body has no meaning with GET, whatever its type.
  if (call.method === 'GET' || call.body === null || call.body.length === 0) return none;
  if (call.body.length > BODY_LIMIT) return 'BODY_TOO_LARGE';

  const type = call.contentType?.split(';', 1)[0]?.trim().toLowerCase();
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(call.body);
  if (type === 'application/x-www-form-urlencoded') return { ...none, body: readForm(text) };
  if (type !== 'application/json') return 'UNSUPPORTED_CONTENT_TYPE';
  const body = readJsonObject(text);
  return body === null ? { ...none, unreadable: text } : { ...none, body };
}

function readForm(raw: string): Received[] {
  return parseParameters(raw).map(([name, value]) => ({ name, value, kind: 'text' }));
}

/** Members of a JSON object, repeated ones included, or null if the text is no JSON object. */
function readJsonObject(text: string): Received[] | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  } catch {
    return null;
  }
  return jsonMembers(text).map(([name, raw]) => readJsonValue(name, raw));
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
 * Names and raw values of the outermost members of a valid JSON object. JSON.parse keeps only the last of several
 * members with one name, and turns numbers into floating point.
 */
function jsonMembers(text: string): [name: string, raw: string][] {
  const members: [string, string][] = [];
  let depth = 0;
  let name = '';
  let from = -1;
  for (const { 0: token, index } of text.matchAll(JSON_TOKEN)) {
    if (depth === 1 && from >= 0 && (token === ',' || token === '}')) {
      members.push([name, text.slice(from, index).trim()]);
      from = -1;
    } else if (depth === 1 && from < 0 && token.startsWith('"')) {
      name = String(JSON.parse(token));
    } else if (depth === 1 && from < 0 && token === ':') {
      from = index + 1;
    }
    if (token === '{' || token === '[') depth++;
    if (token === '}' || token === ']') depth--;
  }
  return members;
}
