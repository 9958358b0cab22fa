import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { findLostMessages } from './lost-messages.ts';
import type { LostEvent } from './lost-messages.ts';

const USAGE = `Sends clicks, or what pixels reported, that are only in the log to their spool, whose function records each once.

  npm run replay:clicks -- --queue-url URL [FILE...]
  npm run replay:pixels -- --queue-url URL [FILE...]

  --queue-url URL  the stack's output ClickSpoolQueueUrl, or PixelSpoolQueueUrl
  FILE             log lines of the redirect, or of the conversion function, in any form that CloudWatch prints (default:
                   standard input)

Exit codes: 0 all that were found were sent; 1 some were not, or could not be read; 2 wrong usage.
They may be replayed as often as you like.`;

const EVENTS: ReadonlyMap<string | undefined, LostEvent> = new Map([
  ['clicks', 'click_not_stored'],
  ['pixels', 'pixel_not_stored'],
]);

const AT_ONCE = 20;

/** Answers the exit code. */
async function main(args: string[]): Promise<number> {
  const {
    values,
    positionals: [what, ...files],
  } = parseArgs({
    args,
    allowPositionals: true,
    options: { 'queue-url': { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    console.log(USAGE);
    return 0;
  }
  const event = EVENTS.get(what);
  if (event === undefined) throw new Error('say what to replay: clicks or pixels');
  const queueUrl = values['queue-url'];
  if (queueUrl === undefined || !URL.canParse(queueUrl)) throw new Error('--queue-url must be the URL of a queue');

  const input = files.length === 0 ? [text(process.stdin)] : files.map((file) => readFile(file, 'utf8'));
  const found = (await Promise.all(input)).map((lines) => findLostMessages(lines, event));
  const messages = [...new Set(found.flatMap((lost) => [...lost.messages]))];
  const unreadable = found.reduce((sum, lost) => sum + lost.unreadable, 0);

  const failures = await send(queueUrl, messages);
  console.log(
    `${messages.length - failures.length} of ${messages.length} ${what} sent, ${unreadable} lines unreadable`,
  );
  for (const reason of new Set(failures)) console.error(reason);
  return failures.length + unreadable === 0 ? 0 : 1;
}

/** Answers why messages were not sent, one reason each. */
async function send(QueueUrl: string, messages: readonly string[]): Promise<string[]> {
  // The endpoint comes from the region or AWS_ENDPOINT_URL_SQS, never from the host in the queue's URL.
  const region = /^sqs\.([a-z0-9-]+)\.amazonaws\.com/.exec(new URL(QueueUrl).hostname)?.[1];
  const client = new SQSClient({ useQueueUrlAsEndpoint: false, ...(region !== undefined && { region }) });
  const failures: string[] = [];
  for (let i = 0; i < messages.length; i += AT_ONCE) {
    await Promise.all(
      messages.slice(i, i + AT_ONCE).map(async (MessageBody) => {
        try {
          await client.send(new SendMessageCommand({ QueueUrl, MessageBody }));
        } catch (error) {
          failures.push(String(error));
        }
      }),
    );
  }
  client.destroy();
  return failures;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  console.error('--help tells how to use it');
  process.exitCode = 2;
}
