import { describe, expect, it } from 'vitest';
import { changeConversion } from '../../../lambdas/core/change-conversion.ts';
import { endHold } from '../../../lambdas/core/end-hold.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { aWatchedNetwork, ofGoal, onlyConversion } from '../../support/conversion-reports.ts';
import { aConversion } from '../../support/conversions.ts';
import { deathBefore, failureAt, instrumented } from '../../support/port-faults.ts';

const DAY = 24 * 60 * 60 * 1_000;

const OPERATOR = { by: 'key:ops', expect: () => undefined, strictly: false };

/** A network with one conversion whose hold of a day is over. */
const held = async () => {
  const network = aWatchedNetwork(ofGoal({ holdDays: 1 }));
  const click_id = await network.click();
  await network.call({ click_id, txn_id: 'T1' });
  const { id } = onlyConversion(network);
  network.advance(DAY);
  const reject = () => network.call({ click_id, txn_id: 'T1', status: 'rejected' });
  return { network, id, reject };
};
type Held = Awaited<ReturnType<typeof held>>;

const changesOf = ({ network, id }: Held) =>
  network.store.history.filter(({ conversionId, number }) => conversionId === id && number > 1);

describe('the end of a hold period', () => {
  it('approves the conversion, pays for it and tells the publisher', async () => {
    const { network, id } = await held();
    expect(await endHold(id, network.deps)).toBe('approved');
    expect(onlyConversion(network)).toMatchObject({
      status: 'approved',
      holdUntil: null,
      payout: 2_500_000n,
      code: 'OK',
    });
    expect(network.store.history.at(-1)).toMatchObject({ status: 'approved', code: 'STATUS_CHANGED', by: 'system' });
    expect(network.store.ledger).toMatchObject([{ payout: 2_500_000n, code: 'STATUS_CHANGED' }]);
    expect(await network.store.endedHolds(Infinity, 10)).toEqual([]);
    network.watch.expectSound();
  });

  it('happens once, however often and however concurrently it is ended (invariant 4)', async () => {
    const { network, id } = await held();
    const ends = await Promise.all(Array.from({ length: 10 }, () => endHold(id, network.deps)));
    expect(ends.filter((end) => end === 'approved')).toHaveLength(1);
    network.watch.expectSound();
  });

  it.each<[string, (held: Held) => unknown]>([
    ['that is not over', ({ network }) => network.advance(-1)],
    ['of a conversion that was rejected', ({ reject }) => reject()],
    ['of a conversion that an operator decided about', ({ network, id }) => decide(network, id, 'pending')],
    ['of none', ({ network, id }) => network.store.conversions.delete(id)],
    ['of one that is not pending', ({ network, id }) => approveBehind(network, id)],
  ])('does nothing %s', async (_, prepare) => {
    const given = await held();
    await prepare(given);
    const { network, id } = given;
    const before = network.store.conversions.get(id);
    expect(await endHold(id, network.deps)).toBe('kept');
    expect(network.store.conversions.get(id)).toEqual(before);
  });

  it('approves one whose amount an operator changed, who said nothing about its status', async () => {
    const { network, id } = await held();
    await changeConversion(id, { payout: '9' }, OPERATOR, network.deps);
    expect(await endHold(id, network.deps)).toBe('approved');
    expect(onlyConversion(network)).toMatchObject({ status: 'approved', payout: 9_000_000n, locked: true });
    network.watch.expectSound();
  });

  const both = ['before', 'after'] as const;
  it.each(both)('is whole in the end if any of its steps fails %s its effect (invariants 4, 5, 7)', async (when) => {
    const steps = await stepsOfEnd();
    for (let at = 1; at <= steps; at++) {
      const given = await held();
      const { deps } = instrumented(given.network.deps, { fault: failureAt(at, when) });
      await endHold(given.id, deps).catch(storageOnly);
      await endHold(given.id, given.network.deps);
      expectApprovedOnce(given);
    }
  });

  it('is whole in the end if it dies between any two steps (invariants 4, 5, 7)', async () => {
    const steps = await stepsOfEnd();
    for (let at = 1; at <= steps; at++) {
      const given = await held();
      const { deps } = instrumented(given.network.deps, { fault: deathBefore(at) });
      await endHold(given.id, deps).catch(storageOnly);
      await endHold(given.id, given.network.deps);
      expectApprovedOnce(given);
    }
  });

  it.each<[string, (held: Held) => Promise<unknown>]>([
    ['a postback', ({ reject }) => reject()],
    ['an operator', ({ network, id }) => decide(network, id, 'rejected')],
  ])('and a rejection by %s between any two of its steps end in a rejection, with nothing paid', async (_, reject) => {
    const steps = await stepsOfEnd();
    for (let at = 1; at <= steps; at++) {
      const given = await held();
      const { network, id } = given;
      const between = (step: number) => (step === at ? reject(given).then(() => undefined) : undefined);
      const end = await endHold(id, instrumented(network.deps, { between }).deps);
      expect(onlyConversion(network)).toMatchObject({ status: 'rejected', holdUntil: null, payout: 0n });
      const statuses = changesOf(given).map(({ status }) => status);
      expect(statuses).toEqual(end === 'approved' ? ['approved', 'rejected'] : ['rejected']);
      expect(network.store.ledger.reduce((sum, { payout }) => sum + payout, 0n)).toBe(0n);
      network.watch.expectSound();
    }
  });

  it("and an operator's approval meanwhile pay once", async () => {
    const steps = await stepsOfEnd();
    for (let at = 1; at <= steps; at++) {
      const given = await held();
      const { network, id } = given;
      const between = (step: number) =>
        step === at ? decide(network, id, 'approved').then(() => undefined) : undefined;
      await endHold(id, instrumented(network.deps, { between }).deps);
      expect(network.store.ledger).toHaveLength(1);
      expect(onlyConversion(network)).toMatchObject({ status: 'approved', locked: true });
      network.watch.expectSound();
    }
  });
});

/** How many calls of ports it takes when nothing goes wrong. */
async function stepsOfEnd(): Promise<number> {
  const { network, id } = await held();
  const { deps, steps } = instrumented(network.deps, {});
  await endHold(id, deps);
  expect(steps()).toBeGreaterThan(4);
  return steps();
}

function expectApprovedOnce(given: Held): void {
  const { network } = given;
  expect(changesOf(given)).toMatchObject([{ status: 'approved', by: 'system' }]);
  expect(network.store.ledger).toHaveLength(1);
  network.watch.expectSound();
}

const decide = (network: Held['network'], id: string, status: 'approved' | 'pending' | 'rejected') =>
  changeConversion(id, { status }, OPERATOR, network.deps);

function approveBehind({ store }: Held['network'], id: string): void {
  store.conversions.set(id, aConversion({ id, status: 'approved', holdUntil: 1 }));
}

function storageOnly(error: unknown): void {
  if (!(error instanceof StorageUnavailable)) throw error;
}
