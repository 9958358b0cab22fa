import { oneOf } from './seeded-random.ts';

/**
 * Sales as an advertiser reports them, and what must come of them by an oracle of its own: exact fractions of bigints,
 * one rounding, none of the product's code.
 */
export interface Story {
  readonly kind: string;
  readonly campaign: CampaignName;
  readonly publisher: PublisherName;
  /** Parameters of the calls in their order, without click and token; `click_id: ''`: the call names no click. */
  readonly calls: readonly Readonly<Record<string, string>>[];
  /** The states that each conversion goes through, by its `txn_id`. */
  readonly conversions: readonly { readonly txnId: string | null; readonly states: readonly [State, ...State[]] }[];
}

interface State {
  readonly status: Status;
  /** In micro-units of the campaign's currency. */
  readonly payout: bigint;
  readonly revenue: bigint;
}

type Status = 'approved' | 'pending' | 'rejected';
export type CampaignName = 'dollars' | 'euros';
export type PublisherName = keyof typeof PUBLISHERS;

/** What a unit of each is worth in the network's currency, US dollars. */
export const EXCHANGE_RATES = { EUR: '1.083719', GBP: '1.271', JPY: '0.006613' };

type Model = { readonly model: 'fixed'; readonly amount: string } | { readonly model: Share; readonly percent: string };
type Share = 'percent' | 'percent_of_revenue';

interface Goal {
  readonly id: string;
  readonly default_status: Status;
  readonly payout: Model;
  readonly revenue: Model;
}

interface Terms {
  readonly currency: string;
  readonly goals: readonly [Goal, ...Goal[]];
}

const fixed = (amount: string): Model => ({ model: 'fixed', amount });
const percent = (share: string): Model => ({ model: 'percent', percent: share });
const ofRevenue = (share: string): Model => ({ model: 'percent_of_revenue', percent: share });

export const CAMPAIGNS: Readonly<Record<CampaignName, Terms>> = {
  dollars: {
    currency: 'USD',
    goals: [
      { id: 'sale', default_status: 'approved', payout: fixed('2.50'), revenue: fixed('4') },
      { id: 'basket', default_status: 'approved', payout: percent('7.77'), revenue: percent('12.345') },
      { id: 'lead', default_status: 'pending', payout: fixed('0.333333'), revenue: fixed('0.777777') },
    ],
  },
  euros: {
    currency: 'EUR',
    goals: [
      { id: 'basket', default_status: 'pending', payout: ofRevenue('33.33'), revenue: percent('9.99') },
      { id: 'sale', default_status: 'approved', payout: ofRevenue('66.7'), revenue: fixed('1.000001') },
    ],
  },
};

/** What each publisher's postback fires on. */
export const PUBLISHERS = { paid: ['approved'], curious: ['approved', 'pending', 'rejected'] } as const;

/** `name` makes transaction ids that no other story has. */
export function tellStory(name: string, random: () => number): Story {
  const campaign = oneOf<CampaignName>(['dollars', 'euros'], random);
  const publisher = oneOf<PublisherName>(['paid', 'curious'], random);
  const { currency, goals } = CAMPAIGNS[campaign];
  const terms = oneOf(goals, random);
  const goal = terms.id;
  const sold = oneOf([currency, 'USD', 'EUR', 'GBP', 'JPY'], random);

  const amount = () => String(Math.floor(random() * 100_000)) + (sold === 'JPY' ? '' : `.${twoDigits(random)}`);
  const [first, second] = [amount(), amount()];
  const price = { [first]: priceOf(terms, first, sold, currency), [second]: priceOf(terms, second, sold, currency) };
  const at = (status: Status, sum = first): State => ({
    status,
    ...(status === 'rejected' ? { payout: 0n, revenue: 0n } : (price[sum] ?? { payout: 0n, revenue: 0n })),
  });

  const txn_id = `${name}-a`;
  const unnamed = { goal, currency: sold, sale_amount: first };
  const sale = { ...unnamed, txn_id };
  const pending = { ...sale, status: 'pending' };
  const approval = { goal, txn_id, status: 'approved' };
  const rejection = { goal, txn_id, status: 'cancelled' };
  const change = { goal, txn_id, action: 'change', currency: sold, sale_amount: second };
  const [recorded, changed] = [at(terms.default_status), at(terms.default_status, second)];

  const [kind, calls, ...conversions] = oneOf<Telling>(
    [
      ['one call', [sale], [txn_id, recorded]],
      ['a repeat', [sale, sale], [txn_id, recorded]],
      ['no txn_id', [unnamed, unnamed], [null, recorded]],
      ['a txn_id that comes later', [unnamed, sale], [txn_id, recorded, recorded]],
      ['an approval', [pending, approval], [txn_id, at('pending'), at('approved')]],
      ['a rejection', [sale, rejection, sale], [txn_id, recorded, at('rejected')]],
      ['a rejection that comes first', [rejection, sale], [txn_id, at('rejected')]],
      ['another amount', [sale, change], [txn_id, recorded, changed]],
      ['another amount, no click_id', [sale, { ...change, click_id: '' }], [txn_id, recorded, changed]],
      [
        'another amount and an approval',
        [pending, change, approval, approval],
        [txn_id, at('pending'), at('pending', second), at('approved', second)],
      ],
      [
        'two sales of one click',
        [sale, { ...sale, txn_id: `${name}-b`, sale_amount: second }],
        [txn_id, recorded],
        [`${name}-b`, changed],
      ],
      ['a change of nothing', [change]],
    ],
    random,
  );
  return {
    ...{ kind, campaign, publisher, calls },
    conversions: conversions.map(([id, ...states]) => ({ txnId: id, states })),
  };
}

type Telling = readonly [
  kind: string,
  calls: Story['calls'],
  ...conversions: (readonly [txnId: string | null, ...states: [State, ...State[]]])[],
];

const twoDigits = (random: () => number) => String(Math.floor(random() * 100)).padStart(2, '0');

type Fraction = readonly [numerator: bigint, denominator: bigint];

function fraction(decimal: string): Fraction {
  const [whole = '', decimals = ''] = decimal.split('.');
  return [BigInt(whole + decimals), 10n ** BigInt(decimals.length)];
}

const times = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * c, b * d];
const over = ([a, b]: Fraction, [c, d]: Fraction): Fraction => [a * d, b * c];

function priceOf(terms: Goal, amount: string, sold: string, currency: string) {
  const worth = (code: string) => fraction(code === 'USD' ? '1' : EXCHANGE_RATES[code as keyof typeof EXCHANGE_RATES]);
  const sale = over(times(fraction(amount), worth(sold)), worth(currency));
  const shareOf = (whole: Fraction, percent: string) => over(times(whole, fraction(percent)), [100n, 1n]);
  const exact = (model: Model, whole: Fraction) =>
    model.model === 'fixed' ? fraction(model.amount) : shareOf(whole, model.percent);
  const revenue = exact(terms.revenue, sale);
  const payout = exact(terms.payout, terms.payout.model === 'percent_of_revenue' ? revenue : sale);
  return { payout: toMicros(payout), revenue: toMicros(revenue) };
}

/** Half even, once. */
function toMicros([numerator, denominator]: Fraction): bigint {
  const down = (numerator * 1_000_000n) / denominator;
  const rest = 2n * (numerator * 1_000_000n - down * denominator);
  if (rest === denominator) return down + (down % 2n);
  return rest > denominator ? down + 1n : down;
}

/** What an answer says, "2.5", in micro-units. */
export function readMicros(decimal: unknown): bigint {
  return toMicros(fraction(String(decimal)));
}

/** How many deliveries a conversion's postback gets: one for each state that it fires on and that tells something new. */
export function announcementsOf(publisher: PublisherName, states: readonly State[]): number {
  const fires: readonly Status[] = PUBLISHERS[publisher];
  return states.filter((state, index) => {
    const before = states[index - 1];
    const isNews = before?.status !== state.status || before.payout !== state.payout;
    return isNews && fires.includes(state.status);
  }).length;
}
