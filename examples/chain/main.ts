import { StartError, messageOf } from '../../local/errors.ts';
import { startChain } from './chain.ts';
import type { Chain } from './chain.ts';
import { MEMBERS } from './members.ts';
import { USAGE, parseOptions } from './options.ts';
import type { Options } from './options.ts';
import { formatWalk } from './report.ts';
import { walk } from './walk.ts';

/** How long a conversion may take from the shop to Tia before the walk gives up. */
const PATIENCE_MS = 30_000;
/** What does not stop in time ends with this process: children notice that their parent is gone. */
const STOP_MS = 4_500;

const say = (text: string) => process.stdout.write(`${text}\n`);

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    say(USAGE);
    return 0;
  }
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      asked.abort();
      setTimeout(() => process.exit(0), STOP_MS).unref();
    });
  }
  try {
    return await run(options, asked.signal);
  } catch (error) {
    // Whatever fails because everything stops is no failure.
    if (asked.signal.aborted) return 0;
    throw error;
  }
}

async function run(options: Options, asked: AbortSignal): Promise<number> {
  say('Starting three networks (tia, 123, abc) and a shop (xyz) ...');
  const chain = await startChain(options.port, options.data, asked);
  const stopAsked = new Promise<'stop'>((resolve) => asked.addEventListener('abort', () => resolve('stop')));
  try {
    const walking = walk(chain, { p1: 'follower-1', source: 'newsletter' }, PATIENCE_MS);
    const first = await Promise.race([walking, chain.died, stopAsked]);
    if (first === 'stop') return 0;
    if (typeof first === 'string') throw new StartError(first);
    say(`\n${formatWalk(first)}\n`);
    if (options.once) return first.missing.length === 0 ? 0 : 1;
    say(urls(chain));
    const end = await Promise.race([chain.died, stopAsked]);
    if (end !== 'stop') throw new StartError(end);
    return 0;
  } finally {
    await chain.stop();
  }
}

function urls({ link, shop, networks }: Chain): string {
  const lines = MEMBERS.map((name) => {
    const { url, apiUrl, adminKey } = networks[name];
    return `  ${name.padEnd(5)} tracking ${url}   API ${apiUrl}/v1   admin key ${adminKey}`;
  });
  return [
    "Walk it yourself: open Tia's link in a browser, and buy.",
    '',
    `  link  ${link}&p1=me&source=browser`,
    `  shop  ${shop.url}`,
    ...lines,
    '',
    'Serving until you press Ctrl+C.',
  ].join('\n');
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const text = error instanceof StartError ? error.message : `unexpected: ${messageOf(error)}`;
    process.stderr.write(`${text.trim()}\n`, () => process.exit(1));
  },
);
