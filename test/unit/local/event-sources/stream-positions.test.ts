import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, expect, it } from 'vitest';

import { StreamPositions } from '../../../../local/event-sources/stream-positions.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'flowback-positions-'));
  path = join(directory, 'streams.json');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

it('knows of no consumer at first', () => {
  expect(new StreamPositions(path).get('payout', 'stream-1')).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

it('keeps where each consumer stands, in a file that only we may read', () => {
  const positions = new StreamPositions(path);
  positions.set('payout', 'stream-1', { parent: null, child: '17' });
  positions.set('rollup', 'stream-1', {});
  const again = new StreamPositions(path);
  expect(again.get('payout', 'stream-1')).toEqual({ parent: null, child: '17' });
  expect(again.get('rollup', 'stream-1')).toEqual({});
  expect([readdirSync(directory), statSync(path).mode & 0o777]).toEqual([['streams.json'], 0o600]);
});

it('forgets a table that was made anew', () => {
  const positions = new StreamPositions(path);
  positions.set('payout', 'stream-1', { shard: '17' });
  expect(positions.get('payout', 'stream-2')).toBeUndefined();
  positions.set('payout', 'stream-2', {});
  expect(new StreamPositions(path).get('payout', 'stream-1')).toBeUndefined();
});

it('keeps nothing without a file', () => {
  new StreamPositions().set('payout', 'stream-1', { shard: '17' });
  expect(new StreamPositions().get('payout', 'stream-1')).toBeUndefined();
});
