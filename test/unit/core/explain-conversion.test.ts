import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AmountOrigin, Conversion, HistoryRow, Terms } from '../../../lambdas/core/conversion.ts';
import type { Cap, Override } from '../../../lambdas/core/entities.ts';
import { explainConversion } from '../../../lambdas/core/explain-conversion.ts';
import { parseMoney, toMicros } from '../../../lambdas/core/money.ts';
import { price } from '../../../lambdas/core/pricing.ts';
import { aConversion } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCap } from '../../support/entities.ts';

const AT_NOON = new Date(NOON).toISOString();
const AT_CLICK = new Date(NOON - 60_000).toISOString();
const SINCE = Date.parse('2025-01-01T00:00:00Z');
const NOTHING = toMicros(0n);
const GOAL: AmountOrigin = { from: 'goal' };
const EUR = { sale: '1.0837', campaign: '1' };

const termsOf = (overrides: Partial<Terms>): Terms => ({
  payout: { model: 'fixed', amount: '2.5' },
  revenue: { model: 'fixed', amount: '4' },
  exchange: null,
  origin: { basis: 'conversion', since: SINCE, payout: GOAL, revenue: GOAL },
  ...overrides,
});
const paidBy = (payout: AmountOrigin, revenue: AmountOrigin = GOAL) => ({
  basis: 'conversion' as const,
  since: SINCE,
  payout,
  revenue,
});

/** A conversion as its terms price it. */
const priced = (terms: Terms, saleAmount: string | null, overrides: Partial<Conversion> = {}): Conversion => {
  const amount = saleAmount === null ? null : parseMoney(saleAmount, 6);
  const { payout, revenue } = price(terms, amount);
  const saleCurrency = terms.exchange === null ? 'USD' : 'EUR';
  const money = { payout, revenue, wouldBePayout: payout, wouldBeRevenue: revenue };
  return aConversion({ terms, saleAmount: amount, saleCurrency, ...money, ...overrides });
};

const row = (number: number, status: HistoryRow['status'], by: string, reason: string | null = null): HistoryRow => ({
  conversionId: aConversion().id,
  number,
  at: NOON,
  status,
  code: 'OK',
  by,
  reason,
});
const RECORDED = [row(1, 'approved', 'sender:xyz')];
const explain = (conversion: Conversion, history: readonly HistoryRow[] = RECORDED) =>
  explainConversion(conversion, history);

describe('a payout', () => {
  const override = (when: Partial<Override['when']>, of: Partial<Override> = {}): AmountOrigin => ({
    from: 'override',
    override: {
      publisherId: null,
      goal: null,
      when: { countries: [], os: [], sources: [], ...when },
      payout: null,
      revenue: null,
      ...of,
    },
  });

  it.each<[string, Terms, string | null, readonly string[]]>([
    ['fixed', termsOf({}), '10', ['Payout by the goal "sale": 2.50 USD.', '2.50 USD is paid.']],
    [
      'of nothing',
      termsOf({ payout: { model: 'none' } }),
      '10',
      ['Payout by the goal "sale": nothing.', 'Nothing is paid.'],
    ],
    [
      'of a percentage',
      termsOf({ payout: { model: 'percent', percent: '10' } }),
      '19.99',
      ['Payout by the goal "sale": 10 % of the sale.', '10 % of 19.99 USD is 1.999 USD.', '1.999 USD is paid.'],
    ],
    [
      'of a percentage in another currency',
      termsOf({ payout: { model: 'percent', percent: '10' }, exchange: { sale: '1.083715', campaign: '1' } }),
      '19.99',
      [
        'Payout by the goal "sale": 10 % of the sale.',
        '10 % of 19.99 EUR at 1.083715 USD is 2.166346285 USD, rounded half even to 2.166346 USD.',
        '2.166346 USD is paid.',
      ],
    ],
    [
      'without an end',
      termsOf({ payout: { model: 'percent', percent: '10' }, exchange: { sale: '1', campaign: '3' } }),
      '10',
      [
        'Payout by the goal "sale": 10 % of the sale.',
        '10 % of 10.00 EUR at 1 / 3 USD is rounded half even to 0.333333 USD.',
        '0.333333 USD is paid.',
      ],
    ],
    [
      'of a share of a fixed revenue',
      termsOf({ payout: { model: 'percent_of_revenue', percent: '50' } }),
      null,
      [
        'Payout by the goal "sale": 50 % of the revenue.',
        '50 % of the revenue (4.00 USD) is 2.00 USD.',
        '2.00 USD is paid.',
      ],
    ],
    [
      'of a share of a revenue that is a percentage',
      termsOf({
        payout: { model: 'percent_of_revenue', percent: '50' },
        revenue: { model: 'percent', percent: '10' },
        exchange: EUR,
      }),
      '19.99',
      [
        'Payout by the goal "sale": 50 % of the revenue.',
        '50 % of the revenue (10 % of 19.99 EUR at 1.0837 USD) is 1.08315815 USD, rounded half even to 1.083158 USD.',
        '1.083158 USD is paid.',
      ],
    ],
    [
      'of an override',
      termsOf({ origin: paidBy(override({}, { publisherId: 'tia', goal: 'sale' })) }),
      null,
      ['Payout by the override for publisher tia, goal "sale": 2.50 USD.', '2.50 USD is paid.'],
    ],
    [
      'of an override with conditions',
      termsOf({ origin: paidBy(override({ countries: ['US', 'CA'], os: ['ios'], sources: ['blog'] })) }),
      null,
      [
        'Payout by the override for source blog, operating system ios, country US or CA: 2.50 USD.',
        '2.50 USD is paid.',
      ],
    ],
    [
      'of an override of everything',
      termsOf({ origin: paidBy(override({})) }),
      null,
      ['Payout by the override for all conversions: 2.50 USD.', '2.50 USD is paid.'],
    ],
    [
      'of the call',
      termsOf({ payout: { model: 'reported', amount: '3' }, origin: paidBy({ from: 'call' }) }),
      null,
      ['Payout by the call, from which the goal accepts it: 3.00 USD.', '3.00 USD is paid.'],
    ],
    [
      'of the call in another currency',
      termsOf({ payout: { model: 'reported', amount: '3' }, origin: paidBy({ from: 'call' }), exchange: EUR }),
      null,
      [
        'Payout by the call, from which the goal accepts it: 3.00 EUR.',
        '3.00 EUR at 1.0837 USD is 3.2511 USD.',
        '3.2511 USD is paid.',
      ],
    ],
    [
      'of an operator',
      termsOf({ origin: paidBy({ from: 'operator' }) }),
      null,
      ['Payout by an operator: 2.50 USD.', '2.50 USD is paid.'],
    ],
    [
      'of a row that does not say whence its terms are',
      { payout: { model: 'fixed', amount: '2.5' }, revenue: { model: 'none' }, exchange: null },
      null,
      ['Payout: 2.50 USD.', '2.50 USD is paid.'],
    ],
  ])('%s is explained', (_, terms, saleAmount, words) => {
    expect(explain(priced(terms, saleAmount)).payout.words).toEqual(words);
  });

  it('names the model and the override that were applied, without what that says of the other side', () => {
    const asked = { publisherId: 'tia', goal: null, when: { countries: ['US'], os: [], sources: [] } };
    const payout: AmountOrigin = {
      from: 'override',
      override: { ...asked, payout: { model: 'fixed', amount: '2.5' }, revenue: { model: 'fixed', amount: '9' } },
    };
    const explanation = explain(priced(termsOf({ origin: paidBy(payout) }), null));
    expect(explanation.payout).toMatchObject({
      from: 'override',
      rule: { model: 'fixed', amount: '2.5' },
      override: asked,
      exact: '2.5',
      rounded: false,
    });
    expect(explanation.payout.override).toEqual(asked);
    expect(explanation.revenue).toMatchObject({ from: 'goal', override: null, exact: '4', rounded: false });
  });

  it.each<[string, Partial<Conversion>, string[]]>([
    ['pending', { status: 'pending' }, ['Approval pays 2.50 USD.']],
    [
      'rejected',
      { status: 'rejected', payout: NOTHING },
      ['Nothing is paid: it is rejected.', 'Approved by an operator it would be 2.50 USD.'],
    ],
    [
      'over a cap',
      { status: 'pending', code: 'OVER_CAP', payout: NOTHING },
      ['Nothing is paid: it is pending with OVER_CAP.', 'Approved by an operator it would be 2.50 USD.'],
    ],
    [
      'too late',
      { status: 'rejected', code: 'CLICK_EXPIRED', payout: NOTHING },
      ['Nothing is paid: it is rejected with CLICK_EXPIRED.', 'Approved by an operator it would be 2.50 USD.'],
    ],
    [
      'without a rate',
      { status: 'pending', code: 'NO_EXCHANGE_RATE', payout: NOTHING, wouldBePayout: null },
      [
        'Nothing is paid: it is pending with NO_EXCHANGE_RATE.',
        'Approved by an operator it is priced by the rates of then.',
      ],
    ],
    [
      'for an unknown goal',
      { status: 'rejected', code: 'UNKNOWN_GOAL', payout: NOTHING, wouldBePayout: null, terms: null },
      ['Nothing is paid: it is rejected with UNKNOWN_GOAL.'],
    ],
    ['over a cap, and approved all the same', { code: 'OVER_CAP' }, ['2.50 USD is paid.']],
    ['a test', { test: true }, ['Nothing is paid: it is a test.']],
    ['a pending test', { test: true, status: 'pending' }, ['Nothing is paid: it is a test.']],
  ])('of a conversion that is %s says what is paid, and why nothing is', (_, overrides, words) => {
    const explained = explain(priced(termsOf({}), null, overrides)).payout;
    expect(explained.words.filter((sentence) => !sentence.startsWith('Payout by'))).toEqual(words);
  });

  it('that has no price has no computation', () => {
    const unpriced = { code: 'NO_EXCHANGE_RATE', payout: NOTHING, wouldBePayout: null } as const;
    const terms = termsOf({ payout: { model: 'percent', percent: '10' } });
    const { payout } = explain(priced(terms, '10', { ...unpriced, status: 'pending' }));
    expect(payout).toMatchObject({ exact: null, rounded: null });
    expect(payout.words[0]).toBe('Payout by the goal "sale": 10 % of the sale.');
    expect(payout.words).toHaveLength(3);
  });
});

describe('a revenue', () => {
  it('is explained in words of its own, which tell nothing of the payout', () => {
    const terms = termsOf({ revenue: { model: 'percent', percent: '10' } });
    expect(explain(priced(terms, '19.99')).revenue.words).toEqual([
      'Revenue by the goal "sale": 10 % of the sale.',
      '10 % of 19.99 USD is 1.999 USD.',
      '1.999 USD is charged.',
    ]);
    const pending = priced(terms, '19.99', { status: 'pending' });
    expect(explain(pending).revenue.words).toContain('Approval charges 1.999 USD.');
  });
});

describe('the words', () => {
  const SINCE_TEXT = '2025-01-01T00:00:00.000Z';
  const RECEIPT = `It is priced by the terms in force when it was received, ${AT_NOON}; they were since ${SINCE_TEXT}.`;

  it('of an ordinary conversion are few', () => {
    expect(explain(priced(termsOf({}), null)).words).toEqual(['Approved when it was recorded.', RECEIPT]);
  });

  it('of a row from before there was a choice say what is known', () => {
    const { basis, termsSince, exchange, cap, payout, words } = explain(aConversion({ terms: null }), []);
    expect({ basis, termsSince, exchange, cap }).toEqual({ basis: null, termsSince: null, exchange: null, cap: null });
    expect(payout).toMatchObject({ from: null, rule: null, exact: null, words: ['2.50 USD is paid.'] });
    expect(words).toEqual(['Approved when it was recorded.']);
  });

  it.each<[string, Partial<Conversion>, readonly HistoryRow[], string]>([
    [
      'a sender',
      {},
      [row(1, 'pending', 'sender:xyz'), row(2, 'approved', 'sender:xyz')],
      'Approved by the sender xyz on',
    ],
    ['itself', {}, [row(1, 'pending', 'sender:xyz'), row(2, 'approved', 'system')], 'Approved by itself on'],
    [
      'an operator',
      { status: 'rejected', locked: true },
      [row(1, 'approved', 'pixel'), row(2, 'rejected', 'key:k1', 'refund'), row(3, 'rejected', 'key:k2')],
      `Rejected by an operator with the key k1 on ${AT_NOON}: "refund".`,
    ],
  ])('name who decided last on the status: %s', (_, overrides, history, sentence) => {
    expect(explain(priced(termsOf({}), null, overrides), history).words[0]).toContain(sentence);
  });

  it.each<[string, Partial<Conversion>, string]>([
    [
      'UNKNOWN_GOAL',
      { code: 'UNKNOWN_GOAL', goal: 'gift', terms: null },
      'UNKNOWN_GOAL: the campaign had no goal "gift".',
    ],
    [
      'CLICK_EXPIRED',
      { code: 'CLICK_EXPIRED', clickAt: NOON - 31.5 * 86_400_000 },
      'CLICK_EXPIRED: it came 31 days after its click, when the attribution window was over.',
    ],
    [
      'TOO_EARLY',
      { code: 'TOO_EARLY', clickAt: NOON - 1_900 },
      "TOO_EARLY: it came 1 second after its click, sooner than the campaign's minimum.",
    ],
    [
      'TOO_EARLY by clocks that differ',
      { code: 'TOO_EARLY', clickAt: NOON + 100 },
      "TOO_EARLY: it came 0 seconds after its click, sooner than the campaign's minimum.",
    ],
    [
      'NO_EXCHANGE_RATE',
      { code: 'NO_EXCHANGE_RATE', saleCurrency: 'SEK', wouldBePayout: null, wouldBeRevenue: null },
      'NO_EXCHANGE_RATE: the network had no rate from SEK to USD.',
    ],
    ['OVER_CAP of an older row', { code: 'OVER_CAP' }, 'OVER_CAP: a cap had no room for it.'],
    ['an operator', { locked: true }, 'An operator decided: postbacks change it no more.'],
    [
      'a hold',
      { status: 'pending', holdUntil: NOON },
      `On ${AT_NOON} it approves itself, unless somebody decides before.`,
    ],
    [
      'a pixel',
      { reportedBy: 'pixel', txnId: null },
      'A pixel reported it: the first transaction that a sender reports of the same event replaces what it said.',
    ],
    ['a pixel that named its transaction', { reportedBy: 'pixel' }, 'A pixel reported it.'],
    [
      'a pixel that an operator decided about',
      { reportedBy: 'pixel', txnId: null, locked: true },
      'A pixel reported it.',
    ],
    ['a pixel that was rejected', { reportedBy: 'pixel', txnId: null, status: 'rejected' }, 'A pixel reported it.'],
    [
      'a coupon',
      { clickId: null, clickAt: null, values: { coupon: 'TIA20' } },
      "It has no click: the coupon TIA20 says that it is publisher tia's.",
    ],
  ])('tell of %s', (_, overrides, sentence) => {
    expect(explain(priced(termsOf({}), null, overrides)).words).toContain(sentence);
  });

  it('tell of a test, whose call nobody refused', () => {
    const { words } = explain(priced(termsOf({}), null, { test: true }), [row(1, 'approved', 'key:k1')]);
    expect(words).toEqual(['Approved when it was recorded.', 'A test: it is in no sum, cap or report.', RECEIPT]);
  });

  it('tell of an operator who released a call whose click never came', () => {
    const released = priced(termsOf({}), null, { clickId: null, clickAt: null, values: {} });
    const { words } = explain(released, [row(1, 'approved', 'key:k1')]);
    expect(words).toContain(`Its call was refused, and tried again by an operator with the key k1 on ${AT_NOON}.`);
    expect(words).toContain("It has no click: an operator says that it is publisher tia's.");
  });

  it('tell of a batch, which is no operator', () => {
    const reported = priced(termsOf({}), null, { clickId: null, clickAt: null, values: { coupon: 'TIA20' } });
    const { words } = explain(reported, [row(1, 'approved', 'batch:k1'), row(2, 'rejected', 'batch:k1')]);
    expect(words.join()).not.toContain('tried again');
    expect(words).toContain("It has no click: the coupon TIA20 says that it is publisher tia's.");
    const rejected = priced(termsOf({}), null, { status: 'rejected' });
    const history = [row(1, 'approved', 'sender:xyz'), row(2, 'rejected', 'batch:k1')];
    expect(explain(rejected, history).words).toContain(`Rejected by a batch with the key k1 on ${AT_NOON}.`);
  });

  it.each<[Partial<Cap>, string]>([
    [{}, "the campaign's limit of 100 conversions a day"],
    [{ scope: 'each_publisher', period: 'hour' }, "each publisher's limit of 100 conversions an hour"],
    [
      { scope: 'publisher', publisherId: 'tia', metric: 'payout', limit: '500', period: 'total' },
      "publisher tia's limit of 500.00 USD of payout in all",
    ],
    [
      { period: 'week', timeZone: 'Europe/Berlin', goal: 'sale' },
      `the campaign's limit of 100 conversions a week (Europe/Berlin) of the goal "sale"`,
    ],
  ])('name the cap that had no room: %o', (overrides, text) => {
    const cap = aCap(overrides);
    const explanation = explain(priced(termsOf({}), null, { status: 'rejected', code: 'OVER_CAP', cap }));
    expect(explanation.cap).toBe(cap);
    expect(explanation.words).toContain(`OVER_CAP: ${text} had no room for it.`);
  });

  it.each<[period: Cap['period'], days: number, sentence: string]>([
    ['day', 2, 'had no room for it, or its period was over for too long to tell.'],
    ['day', 1, 'a day had no room for it.'],
    ['total', 9, 'in all had no room for it.'],
  ])(
    'do not say that a cap of a %s was full where a conversion was recorded %i days late',
    (period, days, sentence) => {
      const overCap = priced(termsOf({}), null, { status: 'rejected', code: 'OVER_CAP', cap: aCap({ period }) });
      const recorded = { ...row(1, 'rejected', 'key:k1'), at: NOON + days * 86_400_000 };
      expect(explain(overCap, [recorded]).words).toContainEqual(expect.stringContaining(sentence));
    },
  );

  it.each<[string, Partial<NonNullable<Terms['origin']>>, Partial<Conversion>, string]>([
    [
      'the click',
      { basis: 'click' },
      {},
      `It is priced by the terms in force when its click was, ${AT_CLICK}; they were since ${SINCE_TEXT}.`,
    ],
    ['the receipt, where there is no click', { basis: 'click' }, { clickId: null, clickAt: null }, RECEIPT],
    [
      'a goal that is younger than the click',
      { basis: 'click', since: NOON - 1_000 },
      {},
      `It is priced by the terms since ${new Date(NOON - 1_000).toISOString()}: there were none for its goal before.`,
    ],
  ])('name the terms by the time of %s', (_, origin, overrides, sentence) => {
    const terms = termsOf({ origin: { ...paidBy(GOAL), ...origin } });
    expect(explain(priced(terms, null, overrides)).words).toContain(sentence);
  });

  it('name no terms where an operator said both amounts', () => {
    const terms = termsOf({ origin: paidBy({ from: 'operator' }, { from: 'operator' }) });
    const { words, basis, termsSince } = explain(priced(terms, null));
    expect(words).toEqual(['Approved when it was recorded.']);
    expect({ basis, termsSince }).toEqual({ basis: null, termsSince: null });
  });

  it.each<[NonNullable<Terms['exchange']>, string]>([
    [EUR, "By the network's rates 1 EUR was 1.0837 USD."],
    [{ sale: '1', campaign: '3' }, "By the network's rates 1 EUR was 0.333333333333 USD (1 / 3)."],
  ])('name the rate %o where it matters', (exchange, sentence) => {
    const percent = termsOf({ payout: { model: 'percent', percent: '10' }, exchange });
    const { exchange: applied, words } = explain(priced(percent, '10'));
    expect(words).toContain(sentence);
    expect(applied).toMatchObject({ saleCurrency: 'EUR', currency: 'USD', saleWorth: exchange.sale });
    const fixed = explain(priced(termsOf({ exchange }), '10'));
    expect(fixed.exchange).toBeNull();
    expect(fixed.words).not.toContain(sentence);
  });
});

describe('the computation', () => {
  it('is that of the amount, which is at most half a micro-unit from the exact value, and rounded only where it says so', () => {
    const hundredths = fc.nat(10_000).map((n) => `${Math.floor(n / 100)}.${String(n % 100).padStart(2, '0')}`);
    const rates = fc
      .integer({ min: 1, max: 10 ** 7 })
      .map((n) => `${Math.floor(n / 1e6)}.${String(n % 1e6).padStart(6, '0')}`);
    fc.assert(
      fc.property(hundredths, hundredths, fc.nat(10 ** 9), rates, (share, percent, sale, rate) => {
        const terms = termsOf({
          payout: { model: 'percent_of_revenue', percent: share },
          revenue: { model: 'percent', percent },
          exchange: { sale: rate, campaign: '1' },
        });
        const conversion = priced(terms, `${sale}.99`);
        for (const side of ['payout', 'revenue'] as const) {
          const { exact, rounded } = explain(conversion)[side];
          const [whole = '', fraction = ''] = (exact ?? '').split('.');
          const difference = BigInt(whole + fraction.padEnd(20, '0')) - conversion[side] * 10n ** 14n;
          expect(rounded).toBe(difference !== 0n);
          expect(2n * (difference < 0n ? -difference : difference)).toBeLessThanOrEqual(10n ** 14n);
        }
      }),
    );
  });
});
