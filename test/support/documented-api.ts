import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { DOCUMENT, OPERATIONS } from './openapi-document.ts';

/** A call as it came. */
export interface DocumentedCall {
  readonly method: string;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
}

interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly text?: string;
  /** The connection ends without an answer. */
  readonly lost?: boolean;
}

/** A management API on loopback that knows from docs/api/openapi.json what may be asked, and from the test what to answer. */
export interface DocumentedApi {
  readonly url: string;
  readonly calls: readonly DocumentedCall[];
  /** Answers the next calls; the last one also answers all that follow. */
  script(...answers: readonly Scripted[]): void;
  stop(): Promise<void>;
}

const ajv = new Ajv2020({ strict: false, allErrors: true });
formats.default(ajv);
ajv.addSchema(DOCUMENT as object, 'api');

export async function startDocumentedApi(): Promise<DocumentedApi> {
  const calls: DocumentedCall[] = [];
  let answers: Scripted[] = [];
  const server = createServer((request, response) => {
    void readCall(request).then((call) => {
      calls.push(call);
      const problem = undocumented(call);
      if (problem !== null) {
        response.writeHead(400).end(JSON.stringify({ code: 'UNDOCUMENTED', detail: problem }));
        return;
      }
      const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
      if (answer.lost === true) {
        request.socket.destroy();
        return;
      }
      const { status = 200, headers, body, text } = answer;
      response.writeHead(status, headers).end(text ?? (body === undefined ? '' : JSON.stringify(body)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    script: (...given) => void (answers = [...given]),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readCall(request: IncomingMessage): Promise<DocumentedCall> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://api.example');
  const body = await text(request);
  return {
    method: request.method ?? '',
    path: pathname,
    query: Object.fromEntries(searchParams),
    headers: request.headers,
    body: body === '' ? undefined : (JSON.parse(body) as unknown),
  };
}

/** What of a call the document does not know; null: it may be made. */
function undocumented({ method, path, query, body }: DocumentedCall): string | null {
  const operation = OPERATIONS.find((one) => one.method === method && matcher(one.path).test(path));
  if (operation === undefined) return `${method} ${path} is no operation`;
  const known = new Set(operation.parameters.flatMap((one) => (one.in === 'query' ? [one.name] : [])));
  const unknown = Object.keys(query).filter((name) => !known.has(name));
  if (unknown.length > 0) return `${method} ${path} has no parameters ${unknown.join(', ')}`;
  const content = Object.values(operation.body ?? {})[0];
  if (content === undefined) return body === undefined ? null : `${method} ${path} takes no body`;
  const ref = String(content.schema['$ref']);
  const validate = ajv.getSchema(`api${ref}`);
  if (validate === undefined) throw new Error(`no schema ${ref}`);
  return validate(body ?? {}) === true ? null : ajv.errorsText(validate.errors);
}

function matcher(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}
