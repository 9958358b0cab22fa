import { describe, expect, it } from 'vitest';
import { changeConversion, decidePatch } from '../../../lambdas/core/change-conversion.ts';
import type { ConversionPatch } from '../../../lambdas/core/change-conversion.ts';
import type { ConversionChange } from '../../../lambdas/core/conversion-change.ts';
import { writeOf } from '../../../lambdas/core/conversion-change.ts';
import type { Conversion, Terms } from '../../../lambdas/core/conversion.ts';
import { conversionCounterKey } from '../../../lambdas/core/counters.ts';
import type { ConversionStatus } from '../../../lambdas/core/entities.ts';
import { toMicros, ZERO } from '../../../lambdas/core/money.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ConversionCode } from '../../../lambdas/core/reasons.ts';
import { amountsOf } from '../../../lambdas/core/reprice.ts';
import { aConversion, aNetwork } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aCap, someSettings } from '../../support/entities.ts';

const LATER = NOON + 3_600_000;
const STATUSES: readonly ConversionStatus[] = ['approved', 'pending', 'rejected'];
const CODES: readonly ConversionCode[] = ['OK', 'CLICK_EXPIRED', 'TOO_EARLY', 'OVER_CAP'];

const PERCENT: Terms = {
  payout: { model: 'percent', percent: '10' },
  revenue: { model: 'percent', percent: '20' },
  exchange: null,
};
/** A sale of 30 EUR at a campaign in dollars, when the network had no rate. */
const UNPRICED: Partial<Conversion> = {
  status: 'pending',
  code: 'NO_EXCHANGE_RATE',
  terms: PERCENT,
  saleAmount: toMicros(30_000_000),
  saleCurrency: 'EUR',
  wouldBePayout: null,
  wouldBeRevenue: null,
};
/** A goal that the campaign only records. */
const UNKNOWN_GOAL: Partial<Conversion> = {
  status: 'pending',
  code: 'UNKNOWN_GOAL',
  terms: null,
  wouldBePayout: null,
  wouldBeRevenue: null,
};
const WITH_RATE = someSettings({ exchangeRates: { EUR: '1.1' } });

/** A conversion that pays what its status and code let it pay. */
const given = (overrides: Partial<Conversion> = {}): Conversion => {
  const conversion = aConversion(overrides);
  return { ...conversion, ...amountsOf(conversion) };
};

const decide = (
  before: Conversion,
  patch: ConversionPatch,
  { campaign = aCampaign(), settings = someSettings() } = {},
) => decidePatch(before, patch, { campaign, settings, now: LATER, by: 'key:k1' });

const changeOf = (...args: Parameters<typeof decide>): ConversionChange => {
  const verdict = decide(...args);
  if (verdict.kind !== 'changed') throw new Error(`${verdict.kind}, not changed`);
  return verdict.change;
};

const ledgerOf = (change: ConversionChange) => {
  const within = { campaign: aCampaign(), settings: someSettings() };
  return writeOf(change, within, { postbacks: [], deliveries: [] }, LATER).ledger;
};

const approvedMoney = ({ status, payout, revenue }: Conversion) =>
  status === 'approved' ? { payout, revenue } : { payout: ZERO, revenue: ZERO };

describe('what an operator decides', () => {
  const befores = STATUSES.flatMap((status) =>
    CODES.flatMap((code) => [false, true].map((locked) => given({ status, code, locked }))),
  );

  it.each<[patch: ConversionPatch, decides: boolean]>([
    ...STATUSES.map((status): [ConversionPatch, boolean] => [{ status }, true]),
    [{ sale_amount: '12.34' }, true],
    [{ payout: '1' }, true],
    [{ revenue: '0' }, true],
    [{ payout: '7.000001', revenue: '9.5', reason: 'as agreed' }, true],
    [{ status: 'approved', sale_amount: '1', payout: '3' }, true],
    [{ status: 'rejected', payout: '3' }, true],
    [{ reason: 'a note' }, false],
  ])(
    'stands, whatever the conversion was, pays the difference and is done once: %j (invariant 5)',
    (patch, decides) => {
      for (const before of befores) {
        const what = `${before.status} ${before.code} ${before.locked}`;
        const verdict = decide(before, patch);
        if (verdict.kind !== 'changed') {
          expect([verdict.kind, before.locked, { status: before.status }], what).toEqual(['unchanged', true, patch]);
          continue;
        }
        const { after, code, reason, by } = verdict.change;

        const status = patch.status ?? before.status;
        expect(after, what).toMatchObject({ status, code: before.code, version: before.version + 1, updatedAt: LATER });
        expect(after.locked, what).toBe(before.locked || decides);
        expect({ reason, by }).toEqual({ reason: patch.reason ?? null, by: 'key:k1' });
        expect(code === 'STATUS_CHANGED', what).toBe(status !== before.status);
        expect(after, what).toMatchObject(amountsOf(after));
        const [was, is] = [approvedMoney(before), approvedMoney(after)];
        const difference = { payout: is.payout - was.payout, revenue: is.revenue - was.revenue };
        const none = difference.payout === 0n && difference.revenue === 0n;
        expect(ledgerOf(verdict.change), what).toEqual(none ? null : expect.objectContaining(difference));
        expect(decide(after, patch), what).toEqual({ kind: 'unchanged' });
      }
    },
  );

  it('ends a hold by naming a status, and leaves it by naming money', () => {
    const held = given({ status: 'pending', holdUntil: LATER + 1 });

    expect(STATUSES.map((status) => changeOf(held, { status }).after.holdUntil)).toEqual([null, null, null]);
    expect(changeOf(held, { payout: '1' }).after.holdUntil).toBe(LATER + 1);
  });

  it('keeps the reason until another is given, or none, or the status is another', () => {
    const noted = changeOf(given(), { status: 'rejected', reason: 'fraud' }).after;

    expect(noted.reason).toBe('fraud');
    expect(changeOf(noted, { payout: '1' }).after.reason).toBe('fraud');
    expect(changeOf(noted, { status: 'approved' }).after.reason).toBeNull();
    expect(changeOf(noted, { reason: null }).after.reason).toBeNull();
  });
});

describe('amounts', () => {
  it.each<[why: string, before: Partial<Conversion>, patch: ConversionPatch, payout: bigint, revenue: bigint]>([
    ['a sale is priced by its own terms', { terms: PERCENT }, { sale_amount: '12.35' }, 1_235_000n, 2_470_000n],
    ['a fixed price stays', {}, { sale_amount: '99' }, 2_500_000n, 4_000_000n],
    ['what is given counts', { terms: PERCENT }, { sale_amount: '12.35', payout: '7' }, 7_000_000n, 2_470_000n],
    [
      'what is given stays',
      { terms: { ...PERCENT, payout: { model: 'fixed', amount: '7' } } },
      { sale_amount: '1' },
      7_000_000n,
      200_000n,
    ],
    [
      'a share of the revenue is one of the revenue given',
      { terms: { ...PERCENT, payout: { model: 'percent_of_revenue', percent: '50' } } },
      { revenue: '3' },
      1_500_000n,
      3_000_000n,
    ],
    [
      'what is recorded unpaid gets only what is given',
      UNKNOWN_GOAL,
      { status: 'approved', payout: '5' },
      5_000_000n,
      0n,
    ],
    ['what is recorded unpaid stays so', UNKNOWN_GOAL, { status: 'approved' }, 0n, 0n],
  ])('%s', (_why, before, patch, payout, revenue) => {
    expect(changeOf(given(before), patch).after).toMatchObject({ payout, revenue });
  });

  it('say that an operator gave them, and keep whence the others are', () => {
    const origin = {
      basis: 'click',
      since: NOON - 5,
      payout: { from: 'goal' },
      revenue: { from: 'call' },
    } as const;

    const { after } = changeOf(given({ terms: { ...PERCENT, origin } }), { payout: '7' });

    expect(after.terms).toEqual({
      ...PERCENT,
      payout: { model: 'fixed', amount: '7.00' },
      origin: { ...origin, payout: { from: 'operator' } },
    });
  });

  it.each<[string, Partial<Conversion>]>([
    ['10.001', {}],
    ['10.5', { saleCurrency: 'JPY' }],
    ['10.001', { saleCurrency: null, saleAmount: null }],
  ])('of a sale have no more decimals than its currency: %s', (sale_amount, before) => {
    expect(decide(given(before), { sale_amount })).toEqual({ kind: 'refused', code: 'INVALID_AMOUNT' });
  });

  it('of a sale that had none are in the currency of the campaign', () => {
    const { after } = changeOf(given({ saleCurrency: null, saleAmount: null }), { sale_amount: '10.01' });

    expect(after).toMatchObject({ saleAmount: 10_010_000n, saleCurrency: 'USD' });
  });
});

describe('a sale for whose currency there was no rate', () => {
  it('is approved at the rate of now, once', () => {
    const { after } = changeOf(given(UNPRICED), { status: 'approved' }, { settings: WITH_RATE });
    expect(after).toMatchObject({ payout: 3_300_000n, revenue: 6_600_000n, rate: '1.1', code: 'NO_EXCHANGE_RATE' });

    const dearer = { settings: someSettings({ exchangeRates: { EUR: '2' } }) };
    const pending = changeOf(after, { status: 'pending' }, dearer).after;
    expect(changeOf(pending, { status: 'approved' }, dearer).after).toMatchObject({ payout: 3_300_000n, rate: '1.1' });
  });

  it.each<ConversionPatch>([{ status: 'approved' }, { status: 'approved', payout: '3' }, { payout: '3' }])(
    'is not priced while there is none: %j',
    (patch) => {
      expect(decide(given(UNPRICED), patch)).toEqual({ kind: 'refused', code: 'NO_EXCHANGE_RATE' });
    },
  );

  it('is paid without a rate what the operator gives for both', () => {
    const { after } = changeOf(given(UNPRICED), { status: 'approved', payout: '3', revenue: '6' });

    expect(after).toMatchObject({ payout: 3_000_000n, revenue: 6_000_000n, rate: null });
  });

  it.each<ConversionPatch>([{ status: 'rejected' }, { sale_amount: '31' }, { reason: 'asked them' }])(
    'waits for its price through everything else: %j',
    (patch) => {
      const { after } = changeOf(given(UNPRICED), patch, { settings: WITH_RATE });

      expect(after).toMatchObject({ wouldBePayout: null, payout: 0n });
    },
  );
});

describe('caps', () => {
  const caps = [aCap({ timeZone: 'Europe/Berlin', limit: '1' })];
  const campaign = aCampaign({ caps });
  const overCap = given({ status: 'rejected', code: 'OVER_CAP' });
  const added = ({ counters }: ConversionChange) => {
    const all = counters.find(({ key }) => key.sk === conversionCounterKey('summer', null, null).sk);
    const total = all?.adds.filter(({ attribute }) => attribute.slice(1, 2) === 't') ?? [];
    return Object.fromEntries(total.map(({ attribute, amount }) => [attribute.slice(0, 1), amount]));
  };

  it('count what is approved beyond them in its own periods, without being asked (invariant 6)', () => {
    const change = changeOf(overCap, { status: 'approved', payout: '3' }, { campaign });

    expect(change.after.countedIn).toEqual(['UTC', 'Europe/Berlin']);
    expect(change.counters).toHaveLength(4);
    expect(added(change)).toEqual({ n: 1n, p: 3_000_000n, r: 4_000_000n });
    const adds = change.counters.flatMap((counter) => counter.adds);
    expect(adds.every(({ limit }) => limit === null)).toBe(true);
    const berlin = Date.parse('2026-11-22T00:00:00+01:00');
    expect(adds.map(({ attribute }) => attribute)).toContain(`nd${(berlin / 900_000).toString(36)}`);
  });

  it('count a conversion once, however often it is approved, and its later amounts (invariant 6)', () => {
    const approved = changeOf(overCap, { status: 'approved' }, { campaign }).after;

    const rejection = changeOf(approved, { status: 'rejected' }, { campaign });
    expect(rejection.counters).toEqual([]);
    const dearer = changeOf(rejection.after, { payout: '5' }, { campaign });
    expect(added(dearer)).toEqual({ p: 2_500_000n });
    const again = changeOf(dearer.after, { status: 'approved', revenue: '4.5' }, { campaign });
    expect(added(again)).toEqual({ r: 500_000n });
  });

  it.each<ConversionStatus>(['approved', 'pending', 'rejected'])(
    'count no decision about what counted already: %s',
    (status) => {
      const counted = given({ status: 'pending', countedIn: ['UTC'] });

      expect(changeOf(counted, { status }, { campaign }).counters).toEqual([]);
    },
  );

  it.each<ConversionPatch>([{ status: 'pending' }, { payout: '9' }, { reason: 'a note' }])(
    'do not count what is not approved: %j',
    (patch) => {
      expect(changeOf(overCap, patch, { campaign }).counters).toEqual([]);
    },
  );
});

describe('changing a stored conversion', () => {
  const patched = (
    network: Network,
    patch: ConversionPatch,
    options: { expect?: (version: number) => void; strictly?: boolean } = {},
  ) =>
    changeConversion(
      CONVERSION,
      patch,
      { by: 'key:k1', expect: () => undefined, strictly: true, ...options },
      network.deps,
    );
  const CONVERSION = aConversion().id;
  const stored = (network: Network) => network.store.conversions.get(CONVERSION);
  const withOne = (overrides: Partial<Conversion> = {}) => {
    const network = aNetwork();
    network.store.conversions.set(CONVERSION, given(overrides));
    return network;
  };

  it('finds only what is there', async () => {
    expect(await patched(aNetwork(), { status: 'approved' })).toEqual({ kind: 'missing' });
  });

  it('writes the change with its history, its difference of money and its notifications (invariants 5 and 7)', async () => {
    const network = withOne({ status: 'pending' });

    expect(await patched(network, { status: 'approved', payout: '3', reason: 'checked' })).toEqual({ kind: 'done' });

    expect(stored(network)).toMatchObject({
      version: 2,
      status: 'approved',
      payout: 3_000_000n,
      locked: true,
      deliveries: 1,
    });
    expect(network.store.history).toEqual([
      {
        conversionId: CONVERSION,
        number: 2,
        at: NOON,
        status: 'approved',
        code: 'STATUS_CHANGED',
        by: 'key:k1',
        reason: 'checked',
      },
    ]);
    expect(network.store.ledger).toMatchObject([{ number: 2, payout: 3_000_000n, revenue: 4_000_000n }]);
    expect([...network.store.deliveries.values()]).toMatchObject([
      { event: 'created', values: { payout: '3.00', reason: 'checked' } },
    ]);
    expect(network.hints.sent).toHaveLength(1);
  });

  it('writes nothing the second time', async () => {
    const network = withOne({ status: 'pending' });
    await patched(network, { status: 'approved' });

    expect(await patched(network, { status: 'approved' })).toEqual({ kind: 'done' });

    expect(stored(network)?.version).toBe(2);
    expect(network.store.ledger).toHaveLength(1);
  });

  it('is done after a lost answer, and a repeat does it no second time', async () => {
    const network = withOne({ status: 'pending' });
    const { store } = network;
    const commit = store.commit.bind(store);
    network.store.commit = async (write) => {
      await commit(write);
      throw new StorageUnavailable('no answer');
    };
    await expect(patched(network, { status: 'approved' })).rejects.toThrow(StorageUnavailable);
    network.store.commit = commit;

    expect(await patched(network, { status: 'approved' })).toEqual({ kind: 'done' });

    expect(network.store.ledger).toHaveLength(1);
  });

  it('decides anew what somebody else changed meanwhile (invariant 4)', async () => {
    const network = withOne({ status: 'pending' });
    const { store } = network;
    const commit = store.commit.bind(store);
    network.store.commit = async (write) => {
      network.store.commit = commit;
      await patched(network, { payout: '7' });
      return commit(write);
    };

    await patched(network, { status: 'approved' });

    expect(stored(network)).toMatchObject({ version: 3, status: 'approved', payout: 7_000_000n });
    expect(network.store.ledger).toMatchObject([{ number: 3, payout: 7_000_000n }]);
  });

  it('is final against postbacks, also against one that comes in between (invariant 4)', async () => {
    const network = aNetwork();
    const click_id = await network.click();
    const { body } = await network.call({ click_id, txn_id: 'T1', status: 'pending' });
    const id = String(body['conversion_id']);
    const { store } = network;
    const commit = store.commit.bind(store);
    network.store.commit = async (write) => {
      network.store.commit = commit;
      await changeConversion(
        id,
        { status: 'rejected' },
        { by: 'key:k1', expect: () => undefined, strictly: true },
        network.deps,
      );
      return commit(write);
    };

    const late = await network.call({ click_id, txn_id: 'T1', status: 'approved' });

    expect(late.body).toMatchObject({ code: 'DUPLICATE_CONVERSION', status: 'rejected' });
    expect(network.store.conversions.get(id)).toMatchObject({ status: 'rejected', version: 2 });
  });

  it('asks which version is meant before it changes anything', async () => {
    const network = withOne();
    const expectVersion = (version: number) => {
      throw new Error(`it is ${version}`);
    };
    const options = { expect: expectVersion };

    await expect(patched(network, { status: 'rejected' }, options)).rejects.toThrow('it is 1');

    expect(stored(network)?.version).toBe(1);
    await patched(network, { status: 'rejected' });
    await expect(patched(network, { status: 'rejected' }, options)).rejects.toThrow('it is 2');
    // The repeat of a change that happened, although its answer was lost.
    expect(await patched(network, { status: 'rejected' }, { ...options, strictly: false })).toEqual({ kind: 'done' });
  });
});
