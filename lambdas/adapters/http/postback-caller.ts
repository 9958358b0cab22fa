import http from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import https from 'node:https';
import type { LookupFunction } from 'node:net';
import { isIPv6 } from 'node:net';
import { performance } from 'node:perf_hooks';
import { isAllowedAddress } from '../../core/addresses.ts';
import type { EgressRules } from '../../core/addresses.ts';
import type { AttemptError } from '../../core/delivery.ts';
import type { OutboundRequest, OutboundResponse, PostbackCaller } from '../../core/ports.ts';
import { isCallableUrl } from '../../core/url-rules.ts';
import { createResolve } from './resolve.ts';
import type { Resolve } from './resolve.ts';

export interface PostbackCallerOptions extends EgressRules {
  /** @default - by the system's name servers */
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
 * Bytes of anything, such as interim answers, which have no end to them; looked at so often, in milliseconds. More than
 * a single read may bring.
 */
const MAX_RECEIVED = 131_072;
const WATCH = 50;

/**
 * Calls publishers. Connects only to addresses that the rules allow, and to the very address that was checked: a name
 * that resolves to another address a moment later is of no use. Redirects are not followed, nothing is decompressed,
 * and no answer, however slow or long, holds the call beyond its deadline.
 */
export function createPostbackCaller(options: PostbackCallerOptions): PostbackCaller {
  return { call: (request) => call(request, options) };
}

function call(request: OutboundRequest, options: PostbackCallerOptions): Promise<OutboundResponse> {
  const { connectTimeout = 3_000, deadline = 10_000 } = options;
  const startedAt = performance.now();

  return new Promise((resolve) => {
    let stage: Stage = 'connecting';
    let received: { response: IncomingMessage; start: Buffer[]; read: number } | null = null;
    let outgoing: ClientRequest | null = null;
    const timers: NodeJS.Timeout[] = [];
    const ended = new AbortController();

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
      ended.abort();
    };

    // Node asks its lookup hook about names only.
    const url = URL.canParse(request.url) ? new URL(request.url) : null;
    if (url === null || !isCallableUrl(url, options)) {
      end('blocked_address');
      return;
    }

    timers.push(
      setTimeout(() => end('timeout'), deadline),
      setTimeout(() => stage !== 'connected' && end('timeout'), connectTimeout),
      setInterval(() => (outgoing?.socket?.bytesRead ?? 0) > MAX_RECEIVED && end('invalid_response'), WATCH),
    );
    const secure = url.protocol === 'https:';
    outgoing = (secure ? https : http).request(url, {
      method: request.method,
      headers: {
        ...request.headers,
        Accept: '*/*',
        'Accept-Encoding': 'identity',
        ...(request.body !== null && { 'Content-Length': Buffer.byteLength(request.body) }),
      },
      lookup: checkedLookup(options, ended.signal),
      // A connection for each call: every call checks its address, and after a freeze an idle one would be dead.
      agent: false,
      maxHeaderSize: MAX_HEADERS,
    });
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => (stage = secure ? 'handshake' : 'connected'));
      socket.once('secureConnect', () => (stage = 'connected'));
    });
    outgoing.on('error', (error) => end(errorCode(error, stage)));
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
function checkedLookup(options: PostbackCallerOptions, signal: AbortSignal): LookupFunction {
  const { resolve = createResolve() } = options;
  return (hostname, { all }, callback) => {
    const fail = (error: AttemptError): void => callback(new LookupFailed(error), '');
    resolve(hostname.replace(/\.$/, ''), signal).then(
      (addresses) => {
        const allowed = addresses
          .filter((address) => isAllowedAddress(address, options))
          .map((address) => ({ address, family: isIPv6(address) ? 6 : 4 }));
        const [first] = allowed;
        if (first === undefined) fail(addresses.length === 0 ? 'dns_error' : 'blocked_address');
        else if (all === true) callback(null, allowed);
        else callback(null, first.address, first.family);
      },
      () => fail('dns_error'),
    );
  };
}

class LookupFailed extends Error {
  readonly attemptError: AttemptError;

  constructor(attemptError: AttemptError) {
    super(attemptError);
    this.attemptError = attemptError;
  }
}

/** How far a call came. */
type Stage = 'connecting' | 'handshake' | 'connected';

const ERRORS: Readonly<Record<string, AttemptError>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_reset',
  EPIPE: 'connection_reset',
  ETIMEDOUT: 'timeout',
};
/** What any other error means. */
const ERROR_AT: Readonly<Record<Stage, AttemptError>> = {
  connecting: 'connection_refused',
  handshake: 'tls_error',
  connected: 'invalid_response',
};

function errorCode(error: NodeJS.ErrnoException, stage: Stage): AttemptError {
  if (error instanceof LookupFailed) return error.attemptError;
  return ERRORS[error.code ?? ''] ?? ERROR_AT[stage];
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
