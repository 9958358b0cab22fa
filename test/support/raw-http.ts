import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';

interface RawRequest {
  readonly method: string;
  /** Path and query, sent as they are. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface RawResponse {
  readonly status: number;
  /** Everything before the body, as it came, in Latin-1. */
  readonly head: string;
  readonly body: string;
  /** First value of a header; null: none. */
  header(name: string): string | null;
}

/**
 * Sends a request byte by byte as given: no client normalises its path, its header names or its values. Header values
 * go out in Latin-1, the body in UTF-8.
 */
export async function sendRaw(baseUrl: string, { method, target, headers, body }: RawRequest): Promise<RawResponse> {
  const { protocol, hostname, port, host } = new URL(baseUrl);
  const payload = Buffer.from(body ?? '', 'utf8');
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `host: ${host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === null ? [] : [`content-length: ${payload.length}`]),
    'connection: close',
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const answer = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket =
      protocol === 'https:'
        ? connectTls({ host: hostname, port: Number(port || 443), servername: hostname })
        : connectTcp({ host: hostname, port: Number(port || 80) });
    socket.setTimeout(15_000, () => socket.destroy(new Error(`no answer to ${method} ${target.slice(0, 100)}`)));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server may refuse a large request and hang up before all of it was sent; its answer counts.
    socket.on('error', (error: Error) => (chunks.length > 0 ? resolve(Buffer.concat(chunks)) : reject(error)));
    socket.on('end', () => resolve(Buffer.concat(chunks)));
    socket.write(Buffer.concat([head, payload]));
  });
  return parseResponse(answer);
}

function parseResponse(answer: Buffer): RawResponse {
  const end = answer.indexOf('\r\n\r\n');
  if (end < 0) throw new Error(`no HTTP response: ${answer.toString('latin1').slice(0, 200)}`);
  const head = answer.subarray(0, end).toString('latin1');
  const header = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(head)?.[1]?.trim() ?? null;
  const rest = answer.subarray(end + 4);
  const chunked = header('transfer-encoding')?.toLowerCase() === 'chunked';
  return {
    status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0),
    head,
    body: (chunked ? joinChunks(rest) : rest).toString('utf8'),
    header,
  };
}

function joinChunks(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf('\r\n', at);
    const size = line < 0 ? 0 : Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16);
    if (!(size > 0)) return Buffer.concat(parts);
    parts.push(bytes.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
