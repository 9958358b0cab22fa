/** `{USD: {payout: '2.50'}}` */
export type MoneyByCurrency = Readonly<Record<string, Readonly<Record<string, string>>>>;

const DECIMALS = 6;

/** Sums of money by currency and name, exact: the API's decimals have at most 6 places. */
export class Totals {
  readonly #sums = new Map<string, Map<string, bigint>>();

  add(currency: string, name: string, amount: string): void {
    const sums = this.#sums.get(currency) ?? new Map<string, bigint>();
    sums.set(name, (sums.get(name) ?? 0n) + microsOf(amount));
    this.#sums.set(currency, sums);
  }

  byCurrency(): MoneyByCurrency {
    const texts = [...this.#sums].map(([currency, sums]) => {
      const amounts = [...sums].map(([name, sum]) => [name, textOf(sum)] as const);
      return [currency, Object.fromEntries(amounts)] as const;
    });
    return Object.fromEntries(texts);
  }
}

function microsOf(amount: string): bigint {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d{1,6}))?$/.exec(amount) ?? [];
  return BigInt(`${sign}${whole}${fraction.padEnd(DECIMALS, '0')}`);
}

/** The shortest decimal with two places or more. */
function textOf(micros: bigint): string {
  const digits = String(micros < 0n ? -micros : micros).padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0{1,4}$/, '');
  return `${micros < 0n ? '-' : ''}${digits.slice(0, -DECIMALS)}.${fraction}`;
}
