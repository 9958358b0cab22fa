import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';

import { descendantsOf, stillRunning } from '../support/processes.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(resolve(ROOT, 'docs/getting-started.md'), 'utf8');

/**
 * The fenced blocks of the page. `sh` is a command for the operator's terminal, and the `text` behind it all that it prints;
 * `sh until` may be given again until it prints that. `sh terminal-N` is a command that goes on in a terminal of its own, and
 * `text terminal-N` a part of what it prints.
 */
const BLOCKS = [...PAGE.matchAll(/^```(sh|text)(?: (.*))?\n([^]*?)^```$/gm)].map(
  ([, kind = '', where = '', text = '']) => ({ kind, where, text }),
);
const COMMANDS = BLOCKS.filter(({ kind }) => kind === 'sh');

/** Milliseconds. */
const PATIENCE = 60_000;
const OPERATOR = 'operator';

const terminals = new Map<string, { readonly child: ChildProcess; out: string }>();
let home: string;
/** IDs and ports: what the page calls them, and what they are here. */
const names = new Map<string, string>();

afterAll(async () => {
  const roots = [...terminals.values()].flatMap(({ child: { pid } }) => (pid === undefined ? [] : [pid]));
  const all = roots.flatMap((pid) => [pid, ...descendantsOf(pid)]);
  for (const pid of stillRunning(roots)) process.kill(-pid, 'SIGTERM');
  await vi.waitFor(() => expect(stillRunning(all)).toEqual([]), { timeout: 10_000 });
});

test('the page leads a newcomer from nothing to a delivered conversion in less than ten commands', async () => {
  expect(COMMANDS.length).toBeLessThan(10);
  home = await mkdtemp(join(tmpdir(), 'getting-started-'));
  names.set('4100', await freePort());
  // Through a pipe: what Node gives a child is a socket, which nobody can open as /dev/stderr.
  open(OPERATOR, 'bash --noprofile --norc 2>&1 | cat');

  for (const [i, { kind, where, text }] of BLOCKS.entries()) {
    if (kind === 'sh') {
      if (where.startsWith('terminal-')) open(where, ours(text).replace(/--port \d+/, '--port 0'));
      else await type(text, BLOCKS[i + 1]?.text ?? '', where === 'until' ? PATIENCE : 0);
    } else if (where.startsWith('terminal-')) {
      await expect.poll(() => isIn(text, shownIn(where)) || shownIn(where), { timeout: PATIENCE }).toBe(true);
    }
  }
}, 240_000);

/** Runs a command in the operator's terminal, for so many milliseconds again until it prints what is expected. */
async function type(command: string, expected: string, patience: number): Promise<void> {
  const start = performance.now();
  let printed = await run(ours(command));
  while (!isIn(expected, printed) && performance.now() - start < patience) printed = await run(ours(command));
  learn(expected, printed);
  expect(blurred(printed)).toBe(blurred(ours(expected)));
}

async function run(command: string): Promise<string> {
  const end = randomUUID();
  const script = join(home, `${end}.sh`);
  await writeFile(script, command);
  const before = shownIn(OPERATOR).length;
  const output = () => shownIn(OPERATOR).slice(before);
  terminals.get(OPERATOR)?.child.stdin?.write(`. ${script} </dev/null; printf '${end} %s\\n' $?\n`);
  await expect.poll(output, { timeout: PATIENCE }).toMatch(new RegExp(`${end} \\d+\n`));
  const [printed = '', code = ''] = output().split(`${end} `);
  expect(code.trim(), printed).toBe('0');
  return printed;
}

/** Starts a command as the leader of a group, so that what it starts ends with it. */
function open(name: string, command: string): void {
  const { PATH, JAVA_HOME, TMPDIR } = process.env;
  const env = { PATH, JAVA_HOME, TMPDIR, HOME: home };
  const child = spawn('bash', ['-c', command], { cwd: ROOT, env, detached: true });
  const terminal = { child, out: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (terminal.out += text));
  }
  terminals.set(name, terminal);
}

function shownIn(name: string): string {
  return terminals.get(name)?.out ?? '';
}

function isIn(expected: string, printed: string): boolean {
  learn(expected, printed);
  return blurred(printed).includes(blurred(ours(expected)));
}

const NAME = /(?<![a-z\d])(?:[a-z2-7]{32}|[a-z2-7]{24}|(?<=127\.0\.0\.1:)\d+)(?![a-z\d])/g;

/** What the page has not named before is what stands in its place. */
function learn(expected: string, printed: string): void {
  const found = printed.match(NAME) ?? [];
  for (const [i, name] of (expected.match(NAME) ?? []).entries()) {
    const real = found[i];
    if (real !== undefined && !names.has(name)) names.set(name, real);
  }
}

/** A text of the page with the names of this run. */
function ours(text: string): string {
  return [...names].reduce((all, [name, real]) => all.replaceAll(name, real), text);
}

/** Without what differs from run to run: times, latencies, and spaces at the ends of lines. */
function blurred(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?/g, 'TIME')
    .replaceAll(/\b\d+ ms\b/g, 'N ms')
    .replaceAll(/^( +\d+ +\d{3}) +\d+ /gm, '$1 N ')
    .replaceAll(/ +$/gm, '')
    .trim();
}

async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}
