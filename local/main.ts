import { StartError } from './errors.ts';
import type { Options } from './options.ts';
import { parseOptions, USAGE } from './options.ts';
import { Runner } from './runner.ts';

/** The contract's limit is 5 s. */
const STOP_MS = 4_500;

/** As on Lambda; the functions run in this process's threads, which share its time zone. */
process.env.TZ = 'UTC';

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const runner = new Runner(options, { log: logLines, failed: (reason) => void end(runner, 1, reason) });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void end(runner, 0));
  // Whoever started us with an IPC channel is gone.
  process.on('disconnect', () => void end(runner, 0));
  try {
    const ready = await runner.start();
    process.stdout.write(options.json ? readyLine(options, ready) : readyText(options, ready));
  } catch (error) {
    await end(runner, 1, error instanceof StartError ? error.message : describe(error));
  }
}

let ending = false;

async function end(runner: Runner, code: number, reason?: string): Promise<void> {
  if (ending) return;
  ending = true;
  if (reason !== undefined) process.stderr.write(`flowback: ${reason}\n`);
  setTimeout(() => process.exit(code), STOP_MS).unref();
  await runner.stop().catch((error: unknown) => process.stderr.write(`flowback: ${describe(error)}\n`));
  process.exit(code);
}

type Ready = Awaited<ReturnType<Runner['start']>>;

function readyLine({ network, data }: Options, { url, apiUrl, adminKey }: Ready): string {
  const line = {
    event: 'ready',
    network,
    pid: process.pid,
    data: data ?? null,
    url,
    api_url: apiUrl,
    admin_key: adminKey,
  };
  return `${JSON.stringify(line)}\n`;
}

function readyText({ network, data }: Options, { url, apiUrl, adminKey }: Ready): string {
  return [
    `Network ${network} is ready.`,
    `  tracking API    ${url}`,
    `  management API  ${apiUrl}/v1`,
    `  admin key       ${adminKey ?? 'as given when the data directory was made'}`,
    `  data            ${data ?? 'in memory, gone at the end'}`,
    'Stop with Ctrl-C.',
    '',
  ].join('\n');
}

/** Puts the name of its source before each line. */
function logLines(source: string, text: string): void {
  const lines = text.endsWith('\n') ? text.slice(0, -1) : text;
  process.stderr.write(`${lines.replace(/^/gm, `[${source}] `)}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

main().catch((error: unknown) => {
  process.stderr.write(`flowback: ${error instanceof StartError ? error.message : describe(error)}\n`);
  process.exit(1);
});
