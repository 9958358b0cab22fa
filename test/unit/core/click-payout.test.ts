import { describe, expect, it } from 'vitest';
import { clickLedgerRow, payClick } from '../../../lambdas/core/click-payout.ts';
import type { ClickPayoutDeps } from '../../../lambdas/core/click-payout.ts';
import type { Click, Postback } from '../../../lambdas/core/entities.ts';
import { MAX_POSTBACKS } from '../../../lambdas/core/match-postbacks.ts';
import { toMicros } from '../../../lambdas/core/money.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { readOnce } from '../../../lambdas/core/read-once.ts';
import { aPostback } from '../../support/deliveries.ts';
import { aCampaign, aClick, someSettings } from '../../support/entities.ts';
import { FakeClickLedger } from '../../support/fakes/click-ledger.ts';
import { FakeConversionCatalog } from '../../support/fakes/conversion-catalog.ts';
import { fakeHints } from '../../support/fakes/hints.ts';

const NOW = 1_764_000_900_000;
const payout = { amount: toMicros(20_000), currency: 'EUR' };

describe('clickLedgerRow', () => {
  it.each<[string, Partial<Click>]>([
    ['of a campaign that pays no clicks', { payout: null }],
    ['worth nothing', { payout: { ...payout, amount: toMicros(0) } }],
    ['worth less than nothing', { payout: { ...payout, amount: toMicros(-1) } }],
    ['that does not count', { payout, payable: false }],
    ['of a bot', { payout, code: 'BOT' }],
    ['that is a duplicate', { payout, code: 'DUPLICATE_CLICK' }],
    ['over a cap', { payout, code: 'CAP_REACHED', payable: false }],
  ])('pays nothing for a click %s', (_, overrides) => {
    expect(clickLedgerRow(aClick(overrides), NOW)).toBeNull();
  });

  it('books the payout of a click that counts, when it is booked', () => {
    const click = aClick({ payout });
    expect(clickLedgerRow(click, NOW)).toEqual({
      clickId: click.id,
      number: 1,
      at: NOW,
      payout: 20_000n,
      revenue: 0n,
      currency: 'EUR',
      code: 'OK',
      campaignId: 'summer',
      publisherId: 'tia',
      advertiserId: 'xyz',
    });
  });
});

describe('a click that pays', () => {
  function prepare(...postbacks: Partial<Postback>[]) {
    const catalog = new FakeConversionCatalog();
    catalog.campaigns.set('summer', aCampaign());
    catalog.stored = someSettings({ exchangeRates: { EUR: '1.25' } });
    for (const overrides of postbacks) {
      catalog.postbacks.push(aPostback({ publisherId: 'tia', fireOn: ['click_payout'], ...overrides }));
    }
    const ledger = new FakeClickLedger();
    const hints = fakeHints();
    const lost: string[] = [];
    const deps: ClickPayoutDeps = {
      catalog,
      ledger,
      hints,
      now: () => NOW,
      hintLost: (id) => lost.push(`hint ${id}`),
      postbacksLeftOut: (id, leftOut) => lost.push(`postbacks ${id} ${leftOut.length}`),
    };
    return { catalog, ledger, hints, lost, deps };
  }
  const click = aClick({ payout, values: { p1: 'tia-1' }, country: 'DE' });

  it('is booked and told to nobody where no postback fires on clicks, and nothing is read for it', async () => {
    const { catalog, ledger, hints, deps } = prepare({ fireOn: ['approved'] });
    await payClick(click, deps);
    expect([ledger.rows.size, ledger.deliveries.size, hints.sent]).toEqual([1, 0, []]);
    expect(catalog.reads).toEqual([]);
  });

  it('costs no read if it does not pay', async () => {
    const { deps } = prepare({});
    const down = { ...deps, catalog: { ...deps.catalog, postbacksOf: () => Promise.reject(new Error('asked')) } };
    await payClick(aClick({ payout: null }), down);
    await payClick(aClick({ payout, payable: false }), down);
  });

  it('is told with its values, and has no conversion, goal or reason', async () => {
    const { ledger, hints, deps } = prepare({ id: 'own' }, { id: 'all', publisherId: null, mode: 'add' });
    await payClick(click, deps);
    const common = {
      subjectId: click.id,
      publisherId: 'tia',
      event: 'click_payout',
      state: 'waiting',
      nextAttemptAt: NOW,
    };
    expect([...ledger.deliveries.values()]).toMatchObject([
      { ...common, id: `${click.id}_1`, number: 1, postbackId: 'own', audience: 'publisher' },
      { ...common, id: `${click.id}_2`, number: 2, postbackId: 'all', audience: 'network' },
    ]);
    expect(ledger.deliveries.get(`${click.id}_1`)?.values).toEqual({
      click_id: click.id,
      campaign_id: 'summer',
      campaign_name: 'Summer sale',
      pub_id: 'tia',
      advertiser_id: 'xyz',
      p1: 'tia-1',
      country: 'DE',
      payout: '0.02',
      payout_usd: '0.025',
      currency: 'EUR',
      status: 'approved',
      txn_id: click.id,
      conversion_timestamp: '1764000000',
      event: 'click_payout',
    });
    expect(hints.sent).toEqual([
      { deliveryId: `${click.id}_1`, postbackId: 'own', delaySeconds: 0 },
      { deliveryId: `${click.id}_2`, postbackId: 'all', delaySeconds: 0 },
    ]);
  });

  it('is booked and told once, however often and however concurrently it comes (invariants 4, 7)', async () => {
    const { ledger, hints, deps } = prepare({});
    await Promise.all([payClick(click, deps), payClick(click, deps)]);
    await payClick(click, { ...deps, now: () => NOW + 1 });
    expect([...ledger.rows.values()]).toMatchObject([{ at: NOW }]);
    expect(ledger.deliveries.size).toBe(1);
    expect(hints.sent).toHaveLength(1);
  });

  it('is not told to a postback that was made after it was booked', async () => {
    const { catalog, ledger, deps } = prepare();
    await payClick(click, deps);
    catalog.postbacks.push(aPostback({ publisherId: 'tia', fireOn: ['click_payout'] }));
    await payClick(click, deps);
    expect(ledger.deliveries.size).toBe(0);
  });

  it.each<[string, (given: ReturnType<typeof prepare>) => void]>([
    ['the catalog cannot be read', ({ catalog }) => void (catalog.down = true)],
    ['the ledger takes nothing', ({ ledger }) => void (ledger.down = true)],
  ])('is neither booked nor told while %s', async (_, fail) => {
    const given = prepare({});
    fail(given);
    await expect(payClick(click, given.deps)).rejects.toThrow(StorageUnavailable);
    expect([given.ledger.rows.size, given.ledger.deliveries.size, given.hints.sent]).toEqual([0, 0, []]);
  });

  it('is booked where its campaign is gone, which has no name then', async () => {
    const { catalog, ledger, deps } = prepare({});
    catalog.campaigns.clear();
    await payClick(click, deps);
    expect(ledger.deliveries.get(`${click.id}_1`)?.values).toMatchObject({ campaign_id: 'summer', campaign_name: '' });
  });

  it('is there for the sweeper if its hint is lost', async () => {
    const { ledger, hints, lost, deps } = prepare({});
    hints.down = true;
    await payClick(click, deps);
    expect(lost).toEqual([`hint ${click.id}_1`]);
    expect([...ledger.deliveries.values()]).toMatchObject([{ dueAt: NOW + 60_000 }]);
  });

  it('is told to no more postbacks than a transaction holds, which is told', async () => {
    const many = Array.from({ length: MAX_POSTBACKS + 1 }, (_, n) => ({ id: `pb${n}`, mode: 'add' as const }));
    const { ledger, lost, deps } = prepare(...many);
    await payClick(click, deps);
    expect(ledger.deliveries.size).toBe(MAX_POSTBACKS);
    expect(lost).toEqual([`postbacks ${click.id} 1`]);
  });

  it('shares what is read with the other clicks of its batch, each of which fails by what it needs itself', async () => {
    const { catalog, ledger, deps } = prepare({}, { publisherId: 'ann' });
    const asked: string[] = [];
    const postbacksOf = async (publisherId: string) => {
      asked.push(publisherId);
      if (publisherId === 'bob') throw new StorageUnavailable('down');
      return catalog.postbacksOf(publisherId);
    };
    const read = {
      postbacksOf,
      campaign: (id: string) => catalog.campaign(id),
      settings: () => catalog.settings(),
    };
    const batch = { ...deps, catalog: readOnce(read) };
    const publishers = ['tia', 'bob', 'ann', 'bob', 'tia'];
    const results = await Promise.allSettled(
      publishers.map((publisherId, n) => payClick({ ...click, publisherId, id: `${click.id.slice(1)}${n}` }, batch)),
    );
    expect(results.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, false, true]);
    expect(ledger.deliveries.size).toBe(3);
    expect(asked).toEqual(['tia', 'bob', 'ann']);
    expect(catalog.reads).toEqual(['campaign summer', 'settings']);
  });
});
