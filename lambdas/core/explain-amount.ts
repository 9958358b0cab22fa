import type { AmountOrigin, Conversion, Terms } from './conversion.ts';
import { moneyText } from './delivery-values.ts';
import type { Override } from './entities.ts';
import { parseMoney, ZERO } from './money.ts';
import { exactText, isRounded, priceExactly, round } from './pricing.ts';
import type { Product } from './pricing.ts';

/** Why a conversion's payout, or its revenue, is what it is. The words of a percentage tell what it is a percentage of. */
export interface AmountExplanation {
  /** Null: not known. */
  readonly from: AmountOrigin['from'] | null;
  /** The model that was applied; null: none, or not known. */
  readonly rule: Terms['payout'] | null;
  /** The conversions that the applied override is for. */
  readonly override: Pick<Override, 'publisherId' | 'goal' | 'when'> | null;
  /** Before it was rounded, in the campaign's currency. Null: it has no price, or over 20 decimals. */
  readonly exact: string | null;
  readonly rounded: boolean | null;
  readonly words: readonly string[];
}

const SIDES = {
  payout: { wouldBe: 'wouldBePayout', name: 'Payout', is: 'paid', does: 'pays' },
  revenue: { wouldBe: 'wouldBeRevenue', name: 'Revenue', is: 'charged', does: 'charges' },
} as const;

export function explainAmount(side: 'payout' | 'revenue', conversion: Conversion): AmountExplanation {
  const { terms, saleAmount } = conversion;
  const origin = terms?.origin?.[side] ?? null;
  const override = origin?.from === 'override' ? origin.override : null;
  const isPriced = conversion[SIDES[side].wouldBe] !== null;
  const product = terms !== null && isPriced ? priceExactly(terms, saleAmount)[side] : null;
  return {
    from: origin?.from ?? null,
    rule: terms?.[side] ?? null,
    override: override && { publisherId: override.publisherId, goal: override.goal, when: override.when },
    exact: product && exactText(product),
    rounded: product && isRounded(product),
    words: [
      ...(terms === null ? [] : [ruleWords(side, terms, conversion)]),
      ...(terms === null || product === null ? [] : computationWords(terms[side], terms, product, conversion)),
      ...outcomeWords(side, conversion),
    ],
  };
}

/** A decimal that an operator or a call gave, for people. */
export function amountText(decimal: string, currency: string): string {
  const amount = parseMoney(decimal, 6);
  return `${amount === null ? decimal : moneyText(amount, currency)} ${currency}`;
}

function ruleWords(side: 'payout' | 'revenue', terms: Terms, conversion: Conversion): string {
  const origin = terms.origin?.[side];
  const by = origin === undefined ? '' : ` by ${originText(origin, conversion.goal)}`;
  return `${SIDES[side].name}${by}: ${ruleText(terms[side], conversion)}.`;
}

function originText(origin: AmountOrigin, goal: string): string {
  switch (origin.from) {
    case 'goal':
      return `the goal "${goal}"`;
    case 'override':
      return `the override for ${whomText(origin.override)}`;
    case 'call':
      return 'the call, from which the goal accepts it';
    case 'operator':
      return 'an operator';
  }
}

function whomText({ publisherId, goal, when }: Override): string {
  const list = (name: string, values: readonly string[]) =>
    values.length === 0 ? [] : [`${name} ${values.join(' or ')}`];
  const parts = [
    ...(publisherId === null ? [] : [`publisher ${publisherId}`]),
    ...(goal === null ? [] : [`goal "${goal}"`]),
    ...list('source', when.sources),
    ...list('operating system', when.os),
    ...list('country', when.countries),
  ];
  return parts.length === 0 ? 'all conversions' : parts.join(', ');
}

function ruleText(model: Terms['payout'], { currency, saleCurrency }: Conversion): string {
  switch (model.model) {
    case 'fixed':
      return amountText(model.amount, currency);
    case 'reported':
      return amountText(model.amount, saleCurrency ?? currency);
    case 'percent':
      return `${model.percent} % of the sale`;
    case 'percent_of_revenue':
      return `${model.percent} % of the revenue`;
    case 'none':
      return 'nothing';
  }
}

function computationWords(model: Terms['payout'], terms: Terms, product: Product, of: Conversion): string[] {
  const computation = computationText(model, terms, of);
  if (computation === null) return [];
  const amount = `${moneyText(round(product), of.currency)} ${of.currency}`;
  if (!isRounded(product)) return [`${computation} is ${amount}.`];
  const exact = exactText(product);
  const unrounded = exact === null ? '' : `${exact} ${of.currency}, `;
  return [`${computation} is ${unrounded}rounded half even to ${amount}.`];
}

/** Null: there is nothing to compute. */
function computationText(model: Terms['payout'], terms: Terms, conversion: Conversion): string | null {
  const { saleAmount, currency } = conversion;
  const saleCurrency = conversion.saleCurrency ?? currency;
  const rate = rateText(terms, currency);
  switch (model.model) {
    case 'fixed':
    case 'none':
      return null;
    case 'reported':
      return rate === '' ? null : `${amountText(model.amount, saleCurrency)}${rate}`;
    case 'percent':
      return `${model.percent} % of ${moneyText(saleAmount ?? ZERO, saleCurrency)} ${saleCurrency}${rate}`;
    case 'percent_of_revenue': {
      const { revenue } = terms;
      return `${model.percent} % of the revenue (${computationText(revenue, terms, conversion) ?? ruleText(revenue, conversion)})`;
    }
  }
}

/** The exact rate: its decimal may have no end. */
function rateText({ exchange }: Terms, currency: string): string {
  if (exchange === null) return '';
  const { sale, campaign } = exchange;
  return campaign === '1' ? ` at ${sale} ${currency}` : ` at ${sale} / ${campaign} ${currency}`;
}

function outcomeWords(side: 'payout' | 'revenue', conversion: Conversion): string[] {
  const { status, code, test, terms, currency } = conversion;
  const { is, does, wouldBe } = SIDES[side];
  if (test) return [`Nothing is ${is}: it is a test.`];
  const amount = `${moneyText(conversion[side], currency)} ${currency}`;
  if (status === 'approved') return [conversion[side] === ZERO ? `Nothing is ${is}.` : `${amount} is ${is}.`];
  if (status === 'pending' && code === 'OK') return [`Approval ${does} ${amount}.`];

  const nothing = `Nothing is ${is}: it is ${status}${code === 'OK' ? '' : ` with ${code}`}.`;
  const later = conversion[wouldBe];
  if (later !== null) {
    return [nothing, `Approved by an operator it would be ${moneyText(later, currency)} ${currency}.`];
  }
  return [nothing, ...(terms === null ? [] : ['Approved by an operator it is priced by the rates of then.'])];
}
