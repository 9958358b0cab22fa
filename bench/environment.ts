import { createRequire } from 'node:module';
import type { APIGatewayProxyStructuredResultV2, SQSBatchResponse } from 'aws-lambda';
import { visit } from './visits.ts';
import type { VisitOptions } from './visits.ts';

/** One execution environment of a function, in a process of its own: it handles one event after the other. */
export interface Visits extends VisitOptions {
  readonly first: number;
  readonly count: number;
}

export type Work = Visits | { readonly events: readonly object[] };

export interface Handled {
  /** Of this process, while it handled the events; microseconds. */
  readonly cpu: number;
  /**
   * How often each status was answered, with the code of a JSON body: `302`, `200 OK`; `0 failed` of a batch of messages;
   * `error`: the function threw.
   */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of the answers as API Gateway sends them. */
  readonly answerBytes: number;
  /** Of each event, from call to answer. */
  readonly milliseconds: readonly number[];
  /** Rows of the lists that were answered. */
  readonly listed: number;
}

type Answer = APIGatewayProxyStructuredResultV2 | SQSBatchResponse;
type Handler = (event: object) => Promise<Answer>;

const [, , bundle = '', millisecondsPerVisit] = process.argv;
let now = Date.now();
// Clicks at a steady rate, however fast they are handled: the cache expires as often as it would then.
if (millisecondsPerVisit !== undefined) Date.now = () => now;
const { handler } = createRequire(bundle)(bundle) as { handler: Handler };

async function handle(work: Work): Promise<Handled> {
  // What Lambda's runtime does, parsing, is not the function's work.
  const events = 'events' in work ? work.events : visitsOf(work);
  const answers: (Answer | null)[] = [];
  const milliseconds: number[] = [];
  const before = process.cpuUsage();
  for (const event of events) {
    now += Number(millisecondsPerVisit);
    const start = performance.now();
    answers.push(
      await handler(event).catch((error: unknown) => {
        console.error(error);
        return null;
      }),
    );
    milliseconds.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  const statuses: Record<string, number> = {};
  for (const answer of answers) {
    const status = statusOf(answer);
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
  return {
    cpu: user + system,
    statuses,
    answerBytes: answers.reduce((sum, answer) => sum + bytesOf(answer), 0),
    milliseconds,
    listed: answers.reduce((sum, answer) => sum + listedIn(answer), 0),
  };
}

function visitsOf({ first, count, ...options }: Visits): object[] {
  return Array.from(
    { length: count },
    (_, index) => JSON.parse(JSON.stringify(visit(first + index, options))) as object,
  );
}

function statusOf(answer: Answer | null): string {
  if (answer === null) return 'error';
  if ('batchItemFailures' in answer) return `${answer.batchItemFailures.length} failed`;
  const { statusCode, headers = {}, body = '' } = answer;
  if (headers['content-type'] !== 'application/json') return String(statusCode);
  const { code } = JSON.parse(body) as { code?: string };
  return code === undefined ? String(statusCode) : `${statusCode} ${code}`;
}

function listedIn(answer: Answer | null): number {
  const isJson = answer !== null && 'headers' in answer && answer.headers?.['content-type'] === 'application/json';
  if (!isJson) return 0;
  const { items = [] } = JSON.parse(answer.body ?? '') as { items?: readonly unknown[] };
  return items.length;
}

/** Of an HTTP/1.1 answer with the headers that API Gateway adds, without what TLS and TCP put around it. */
function bytesOf(answer: Answer | null): number {
  if (answer !== null && 'batchItemFailures' in answer) return 0;
  const body = answer?.body ?? '';
  const headers: [string, string][] = [
    ['Date', 'Sun, 22 Nov 2026 23:04:05 GMT'],
    ['Content-Length', String(body.length)],
    ['Connection', 'keep-alive'],
    ['Apigw-Requestid', 'UbmNxhAaIAMEVqQ='],
    ...Object.entries(answer?.headers ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    ...(answer?.cookies ?? []).map((cookie): [string, string] => ['Set-Cookie', cookie]),
  ];
  const lines = ['HTTP/1.1 302 Found', ...headers.map((header) => header.join(': ')), '', body];
  return Buffer.byteLength(lines.join('\r\n'));
}

process.on('message', (work) => void handle(work as Work).then((handled) => process.send?.(handled)));
process.on('disconnect', () => process.exit());
process.send?.('ready');
