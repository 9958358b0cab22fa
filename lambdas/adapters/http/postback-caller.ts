import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { performance } from 'node:perf_hooks';
import { isAddress, isAllowedAddress } from '../../core/addresses.ts';
import type { EgressRules } from '../../core/addresses.ts';
import type { AttemptError } from '../../core/delivery.ts';
import type { OutboundRequest, OutboundResponse, PostbackCaller } from '../../core/ports.ts';

/** Resolves a name to all of its addresses. */
export type Resolve = (
  name: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: readonly LookupAddress[]) => void,
) => void;

export interface PostbackCallerOptions extends EgressRules {
  /** @default - the system's resolver */
  readonly resolve?: Resolve;
  /** Milliseconds, resolving and TLS included. @default 3000 */
  readonly connectTimeout?: number;
  /** Milliseconds for all of it. @default 10000 */
  readonly deadline?: number;
}

/** Bytes read of an answer's body before the call is cut off, and bytes of them that are kept. */
const MAX_READ = 16_384;
const MAX_KEPT = 1_024;
const MAX_HEADERS = 16_384;

/**
 * Calls publishers. Connects only to addresses that the rules allow, and to the very address that was checked: a name
 * that resolves to another address a moment later is of no use. Redirects are not followed, nothing is decompressed,
 * and no answer, however slow or long, holds the call beyond its deadline.
 */
export function createPostbackCaller(options: PostbackCallerOptions): PostbackCaller {
  return { call: (request) => call(request, options) };
}

class BlockedAddress extends Error {}

function call(request: OutboundRequest, options: PostbackCallerOptions): Promise<OutboundResponse> {
  const { connectTimeout = 3_000, deadline = 10_000 } = options;
  const startedAt = performance.now();
  const url = new URL(request.url);
  const secure = url.protocol === 'https:';

  return new Promise((resolve) => {
    let connected = false;
    let received: { response: IncomingMessage; start: Buffer[]; read: number } | null = null;
    let outgoing: ClientRequest | null = null;
    const timers: NodeJS.Timeout[] = [];

    /**
     * Once there is a status line, it is the answer, however the rest of the response ends. What destroying the
     * request sets off comes here again and finds the promise settled.
     */
    const end = (error: AttemptError | null): void => {
      for (const timer of timers) clearTimeout(timer);
      const durationMs = Math.round(performance.now() - startedAt);
      if (received === null) {
        resolve({ status: null, error, body: null, retryAfterSeconds: null, durationMs });
      } else {
        const { statusCode: status = null, headers } = received.response;
        const retryAfterSeconds = parseRetryAfter(headers['retry-after']);
        resolve({ status, error: null, body: beginning(received.start), retryAfterSeconds, durationMs });
      }
      outgoing?.destroy();
    };

    // Node asks its lookup hook about names only.
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    if (isAddress(host) && !isAllowedAddress(host, options)) {
      end('blocked_address');
      return;
    }

    timers.push(
      setTimeout(() => end('timeout'), deadline),
      setTimeout(() => !connected && end('timeout'), connectTimeout),
    );
    outgoing = (secure ? https : http).request(url, {
      method: request.method,
      headers: {
        ...request.headers,
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        ...(request.body !== null && { 'Content-Length': Buffer.byteLength(request.body) }),
      },
      lookup: checkedLookup(options),
      // A connection for each call: every call checks its address, and after a freeze an idle one would be dead.
      agent: false,
      maxHeaderSize: MAX_HEADERS,
    });
    outgoing.on('socket', (socket) => socket.once(secure ? 'secureConnect' : 'connect', () => (connected = true)));
    outgoing.on('error', (error) => end(errorCode(error, secure && !connected)));
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy();
      end('invalid_response');
    });
    outgoing.on('response', (response) => {
      const body = { response, start: [] as Buffer[], read: 0 };
      received = body;
      response.on('data', (chunk: Buffer) => {
        if (body.read < MAX_KEPT) body.start.push(chunk);
        body.read += chunk.length;
        if (body.read >= MAX_READ) end(null);
      });
      response.on('error', () => end(null));
      response.on('end', () => end(null));
    });
    outgoing.end(request.body ?? undefined);
  });
}

/** Resolves a name and passes on only the addresses that may be called: those and no others are connected to. */
function checkedLookup(options: PostbackCallerOptions): LookupFunction {
  const resolve = options.resolve ?? systemResolve;
  return (name, { all }, callback) => {
    resolve(name, (error, addresses) => {
      const allowed = addresses.filter(({ address }) => isAllowedAddress(address, options));
      const [first] = allowed;
      if (error !== null) callback(error, '');
      else if (first === undefined) callback(new BlockedAddress(name), '');
      else if (all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    });
  };
}

const systemResolve: Resolve = (name, callback) => {
  lookup(name, { all: true }, (error, addresses) => callback(error, error === null ? addresses : []));
};

const ERRORS: Readonly<Record<string, AttemptError>> = {
  ENOTFOUND: 'dns_error',
  EAI_AGAIN: 'dns_error',
  EAI_FAIL: 'dns_error',
  ENODATA: 'dns_error',
  ECONNREFUSED: 'connection_refused',
  EHOSTUNREACH: 'connection_refused',
  ENETUNREACH: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'timeout',
};

function errorCode(error: NodeJS.ErrnoException, inHandshake: boolean): AttemptError {
  if (error instanceof BlockedAddress) return 'blocked_address';
  return ERRORS[error.code ?? ''] ?? (inHandshake ? 'tls_error' : 'invalid_response');
}

/** The first bytes of a body as text of at most {@link MAX_KEPT} bytes; null if there is none. */
function beginning(chunks: readonly Buffer[]): string | null {
  // Decoding can make text longer (a bad byte becomes three), so it is cut twice, each time between characters.
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, MAX_KEPT), { stream: true });
  const text = decode(Buffer.from(decode(Buffer.concat(chunks))));
  return text === '' ? null : text;
}

/** Seconds, from either form of the header; null if there is none or it is neither. */
function parseRetryAfter(header: string | undefined): number | null {
  if (header === undefined) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header);
  // Date.parse takes much that is no HTTP date: "-1" is a year to it.
  const date = header.endsWith(' GMT') ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(Math.ceil((date - Date.now()) / 1_000), 0);
}
