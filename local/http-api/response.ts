import { isJsonObject, parseJson } from '../json.ts';

/** An answer ready to be written. */
export interface HttpAnswer {
  readonly status: number;
  /** Values of a repeated header stand in a list. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body: Buffer;
}

/** The answer that API Gateway makes by itself. */
export function gatewayAnswer(status: number): HttpAnswer {
  const body = Buffer.from(JSON.stringify({ message: MESSAGES[status] ?? 'Internal Server Error' }));
  return { status, headers: { 'content-type': 'application/json' }, body };
}

const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  413: 'Request Entity Too Large',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Headers that API Gateway makes itself, whatever the function says. */
const OWN_HEADERS = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade', 'trailer']);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN_IN_VALUE = /[^\t\u0020-\u007e\u0080-\u00ff]/;

/**
 * The answer for a function's result of payload format 2.0: an object with `statusCode` is a response, any other value
 * is the JSON body of a 200. A response that is malformed is answered with 500.
 *
 * @param payload the result as JSON
 */
export function toAnswer(payload: string): HttpAnswer {
  const result = parseJson(payload);
  if (!isJsonObject(result) || result.statusCode === undefined) {
    const body = Buffer.from(typeof result === 'string' ? result : payload);
    return { status: 200, headers: { 'content-type': 'application/json' }, body };
  }
  const { statusCode, headers = null, cookies = null, body = null, isBase64Encoded = null } = result;
  const status = typeof statusCode === 'string' ? Number(statusCode) : statusCode;
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599)
    return gatewayAnswer(500);
  if (body !== null && typeof body !== 'string') return gatewayAnswer(500);
  const written = toHeaders(headers, cookies);
  if (written === undefined) return gatewayAnswer(500);
  const bytes = Buffer.from(body ?? '', isBase64Encoded === true ? 'base64' : 'utf8');
  if (bytes.length > 0 && written['content-type'] === undefined) written['content-type'] = 'text/plain;charset=UTF-8';
  return { status, headers: written, body: bytes };
}

function toHeaders(headers: unknown, cookies: unknown): Record<string, string | string[]> | undefined {
  const written: Record<string, string | string[]> = {};
  if (headers !== null && !isJsonObject(headers)) return undefined;
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
    const text = String(value);
    if (!HEADER_NAME.test(name) || FORBIDDEN_IN_VALUE.test(text)) return undefined;
    if (!OWN_HEADERS.has(name.toLowerCase())) written[name.toLowerCase()] = text;
  }
  if (cookies !== null) {
    if (!Array.isArray(cookies)) return undefined;
    const values = cookies.filter((cookie) => typeof cookie === 'string');
    if (values.length < cookies.length || values.some((cookie) => FORBIDDEN_IN_VALUE.test(cookie))) return undefined;
    const own = written['set-cookie'];
    if (values.length > 0) written['set-cookie'] = [...(typeof own === 'string' ? [own] : []), ...values];
  }
  return written;
}
