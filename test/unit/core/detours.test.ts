import { expect, test } from 'vitest';
import { deliverHinted } from '../../../lambdas/core/deliver.ts';
import { createDetours } from '../../../lambdas/core/detours.ts';
import type { Admission } from '../../../lambdas/core/endpoints.ts';
import { anEngine } from '../../support/delivery-engine.ts';

const ENDPOINT = 'https://pub.example';
const ADMITTED: Admission = { admitted: true, leave: async () => undefined };
const refused = (why: 'busy' | 'slow' | 'open', wait: number): Admission => ({ admitted: false, why, wait });

function aMemory() {
  const clock = { now: 0 };
  return { clock, detours: createDetours({ now: () => clock.now, random: () => 0.5 }) };
}

test.each([
  ['an endpoint that nobody has asked', [], null],
  ['one that let the last delivery in', [refused('slow', 5_000), ADMITTED], null],
  ['one that is busy, where a slot is free in a moment', [refused('busy', 3_000)], null],
  ['one that is open for longer than a minute, of which the rows tell', [refused('open', 60_001)], null],
  ['one that is slow, after five seconds at least', [refused('slow', 1_000)], 5_000 + 5_000],
  ['one whose breaker is open', [refused('open', 40_000)], 40_000 + 5_000],
] as const)('a hint for %s', (_, admissions, wait) => {
  const { detours } = aMemory();
  for (const admission of admissions) detours.note('pb1', ENDPOINT, admission);
  expect(detours.waitOf('pb1')).toBe(wait);
});

test('all postbacks of an endpoint that are known take the detour, until its time is over (invariant 8)', () => {
  const { detours, clock } = aMemory();
  detours.note('pb1', ENDPOINT, ADMITTED);
  detours.note('pb2', ENDPOINT, refused('slow', 8_000));
  detours.note('pb3', 'https://other.example', ADMITTED);
  expect(['pb1', 'pb2', 'pb3', 'pb4'].map((id) => detours.waitOf(id))).toEqual([13_000, 13_000, null, null]);
  clock.now = 8_000;
  expect(detours.waitOf('pb1')).toBeNull();
});

test('a hint that takes the detour is sent again for later, and its row is neither read nor written (invariant 8)', async () => {
  const { detours } = aMemory();
  detours.note('pb1', ENDPOINT, refused('slow', 5_000));
  const engine = anEngine({ deps: { detours } });
  const row = engine.row();
  const hint = { deliveryId: row?.id ?? '', postbackId: 'pb1' };
  expect(await deliverHinted(hint, engine.worker())).toEqual({ kind: 'nothing_to_do' });
  expect(engine.hints.sent).toEqual([{ ...hint, delaySeconds: 10 }]);
  expect(engine.row()).toEqual(row);
  expect(engine.calls).toEqual([]);
});
