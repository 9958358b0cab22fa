import { describe, expect, it } from 'vitest';
import type { Campaign, Goal } from '../../../../lambdas/core/entities.ts';
import { runParked } from '../../../../lambdas/core/run-parked.ts';
import { aWatchedNetwork, ofGoal, onlyConversion, runSteps } from '../../../support/conversion-reports.ts';
import { aCap, aGoal } from '../../../support/entities.ts';

const DAY = 24 * 60 * 60 * 1_000;
const HELD: Partial<Goal> = { holdDays: 7 };

describe('a hold period', () => {
  it('keeps what would be approved pending, for its publisher and for caps, until so many days after its receipt', async () => {
    const network = aWatchedNetwork(ofGoal(HELD));
    const click_id = await network.click();
    await runSteps(network, [{ call: { click_id }, is: { code: 'OK', status: 'pending', payout: '2.50' } }]);
    expect(onlyConversion(network).holdUntil).toBe(network.deps.now() + 7 * DAY);
    expect(network.store.ledger).toEqual([]);
  });

  const early = { minimumSecondsToConvert: 3_600 };
  it.each<[string, Record<string, string>, Partial<Goal>, Partial<Campaign>?]>([
    ['is explicitly pending', { status: 'pending' }, {}],
    ['is explicitly approved', { status: 'approved' }, {}],
    ['is pending by default', {}, { defaultStatus: 'pending' }],
    ['came too early', {}, {}, early],
    ['came too late', {}, {}, { attributionWindowDays: 0 }],
    ['is over a cap', {}, {}, { caps: [aCap({ limit: '0', onReached: 'pending' })] }],
    ['is of a goal that is only recorded', { goal: 'nothing' }, {}, { unknownGoal: 'record' }],
    ['has no exchange rate', { amount: '1', currency: 'EUR' }, { payout: { model: 'percent', percent: '5' } }],
    ['is of a goal without one', {}, { holdDays: 0 }],
  ])('does not hold what %s', async (_, call, goal, campaign = {}) => {
    const network = aWatchedNetwork({ goals: [aGoal({ ...HELD, ...goal })], ...campaign });
    await network.call({ click_id: await network.click(), ...call });
    expect(onlyConversion(network).holdUntil).toBeNull();
  });

  it('does not hold what was rejected before it came', async () => {
    const network = aWatchedNetwork(ofGoal(HELD));
    const click_id = await network.click();
    await runSteps(network, [
      { call: { click_id, status: 'rejected' }, is: { code: 'STATUS_REMEMBERED' } },
      { call: { click_id }, is: { code: 'OK', status: 'rejected' } },
    ]);
    expect(onlyConversion(network).holdUntil).toBeNull();
  });

  it.each([
    ['is ended by an approval', 'approved', '2.50'],
    ['is ended by a rejection', 'rejected', '0.00'],
  ])('%s', async (_, status, payout) => {
    const network = aWatchedNetwork(ofGoal(HELD));
    const click_id = await network.click();
    await runSteps(network, [
      { call: { click_id }, is: { code: 'OK', status: 'pending' } },
      { call: { click_id, status }, is: { code: 'STATUS_CHANGED', status, payout } },
    ]);
    expect(onlyConversion(network).holdUntil).toBeNull();
  });

  it('goes on through repeats, changed amounts, and the word that it is pending', async () => {
    const network = aWatchedNetwork(ofGoal(HELD));
    const until = network.deps.now() + 7 * DAY;
    const click_id = await network.click();
    await runSteps(
      network,
      [
        { call: { amount: '1' }, is: { code: 'OK', status: 'pending' } },
        { call: {}, is: { code: 'DUPLICATE_CONVERSION', status: 'pending' }, warnings: [] },
        { call: { amount: '2', action: 'change' }, is: { code: 'AMOUNT_CHANGED', status: 'pending' } },
        { call: { status: 'pending' }, is: { code: 'DUPLICATE_CONVERSION' }, warnings: ['nothing changed'] },
      ],
      { click_id },
    );
    expect(onlyConversion(network).holdUntil).toBe(until);
  });

  it.each([
    ['is over: it is approved at once', 8, 'approved'],
    ['is not over: it is held for what is left', 6, 'pending'],
  ])('of a conversion that waited for its click and %s', async (_, days, status) => {
    const network = aWatchedNetwork(ofGoal(HELD));
    const receivedAt = network.deps.now();
    const click_id = network.mint();
    await runSteps(network, [{ call: { click_id }, is: { code: 'CLICK_PENDING' } }]);
    network.advance(days * DAY);
    await network.click({ id: click_id, createdAt: receivedAt - 60_000 });
    const [parked] = await network.store.dueParked(network.deps.now(), 1);
    if (parked === undefined) throw new Error('nothing is parked');
    expect(await runParked(parked, network.deps)).toBe('OK');
    const holdUntil = status === 'pending' ? receivedAt + 7 * DAY : null;
    expect(onlyConversion(network)).toMatchObject({ status, holdUntil, createdAt: receivedAt });
    network.watch.expectSound();
  });
});
