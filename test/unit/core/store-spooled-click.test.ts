import { beforeEach, describe, expect, it } from 'vitest';
import { clickCounterKey, counterAttribute, PERIOD_GRACE_MS } from '../../../lambdas/core/counters.ts';
import type { Click } from '../../../lambdas/core/entities.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ClickClaims, VisitClaim } from '../../../lambdas/core/ports.ts';
import { storeSpooledClick } from '../../../lambdas/core/store-spooled-click.ts';
import { FaultyClicks } from '../../support/click-faults.ts';
import type { Fault } from '../../support/click-faults.ts';
import { aClick } from '../../support/entities.ts';

const KEY = clickCounterKey('summer', null);
const HOUR = 3_600_000;
const VISIT: VisitClaim = { key: 'v', keyBefore: null, windowSeconds: 3_600 };

let faulty: FaultyClicks;
let clicks: number;

beforeEach(() => {
  faulty = new FaultyClicks();
  clicks = 0;
});

/** A click that waited so long. */
const aged = (milliseconds: number): Click =>
  aClick({
    id: String(++clicks).padStart(32, '2'),
    createdAt: faulty.now - milliseconds,
    payout: { amount: toMicros(1n), currency: 'USD' },
  });
const cappedByHour = (click: Click, limit = 1n): ClickClaims => {
  const attribute = counterAttribute('number', 'hour', Math.floor(click.createdAt / HOUR) * HOUR);
  return { visit: null, slots: [{ key: KEY, adds: [{ attribute, amount: 1n, limit }] }] };
};
const run = async (click: Click, claims: ClickClaims | null) => {
  await storeSpooledClick({ click, claims }, { store: faulty.store, now: () => faulty.now });
  return faulty.clicks.click(click.id);
};

describe('a click out of the spool', () => {
  it('is not taken for stored when storage takes it too slowly or not at all (invariant 2)', async () => {
    for (const plan of [['before'], ['hang'], ['ok', 'hang'], ['ok', 'before']] satisfies Fault[][]) {
      faulty = new FaultyClicks(plan);
      const click = aged(0);
      await expect(run(click, { visit: VISIT, slots: [] })).rejects.toThrow(StorageUnavailable);
    }
  });

  it('gives up within the time of its function', async () => {
    faulty = new FaultyClicks(['hang']);
    const from = faulty.now;
    await expect(run(aged(0), { visit: VISIT, slots: [] })).rejects.toThrow(StorageUnavailable);
    expect(faulty.now - from).toBe(3_500);
  });

  it('is stored as it is if its code is final', async () => {
    const click = aClick({ code: 'TARGETING', payable: false });
    expect(await run(click, null)).toEqual(click);
    expect(faulty.calls).toEqual(['put']);
  });

  it('takes its slots in the write that stores it', async () => {
    const click = aged(0);
    expect(await run(click, cappedByHour(click))).toEqual(click);
    expect(faulty.calls).toEqual(['put']);
    await run(click, cappedByHour(click));
    expect((await run(aged(0), cappedByHour(click)))?.code).toBe('CAP_REACHED');
  });

  it('takes a slot of the period in which it came, whatever time it is', async () => {
    const early = aged(5 * HOUR);
    const late = aged(0);
    await run(late, cappedByHour(late));
    expect((await run(early, cappedByHour(early)))?.code).toBe('OK');
    const next = aged(5 * HOUR);
    expect(await run(next, cappedByHour(next))).toMatchObject({ code: 'CAP_REACHED', payable: false, payout: null });
  });

  it('does not count when its period is over for so long that nobody knows any more whether there was room (invariant 6)', async () => {
    const click = aged(PERIOD_GRACE_MS + 4 * HOUR);
    expect((await run(click, cappedByHour(click)))?.code).toBe('CAP_REACHED');
    expect(faulty.calls).toEqual(['put']);
  });

  it.each([
    ['before', -HOUR + 1, 'DUPLICATE_CLICK'],
    ['after', HOUR - 1, 'DUPLICATE_CLICK'],
    ['more than the window before', -HOUR, 'OK'],
    ['more than the window after', HOUR, 'OK'],
  ])('is weighed against a click of the visitor that counted and came %s it', async (_, later, code) => {
    const click = aged(10 * HOUR);
    await run({ ...aged(0), createdAt: click.createdAt + later }, { visit: VISIT, slots: [] });
    expect((await run(click, { visit: VISIT, slots: [] }))?.code).toBe(code);
  });

  it('leaves no marker of a visit that did not count, however often its message comes', async () => {
    const first = aged(0);
    await run(first, cappedByHour(first));
    const refused = aged(0);
    const claims = { ...cappedByHour(refused), visit: VISIT };
    for (let times = 0; times < 3; times++) expect((await run(refused, claims))?.code).toBe('CAP_REACHED');
    expect((await run(aged(0), { visit: VISIT, slots: [] }))?.code).toBe('OK');
  });
});
