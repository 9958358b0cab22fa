import type { Item } from './api.ts';
import { shown } from './text.ts';

/** How options say what a conversion pays: `2.50`, `10%` of the sale, `80% of revenue`, `none`. */
export const TERMS_HINT = "2.50|10%|'80% of revenue'";

/** The model of a payout or a revenue; what is no amount the API refuses. */
export function termsOf(text: string): Item {
  if (text === 'none') return { model: 'none' };
  const [, percent, ofRevenue] = /^([\d.]+)\s*%(\s+of\s+revenue)?$/.exec(text.trim()) ?? [];
  if (percent === undefined) return { model: 'fixed', amount: text };
  return { model: ofRevenue === undefined ? 'percent' : 'percent_of_revenue', percent };
}

/** The same the other way round. Publishers are not told the percentage of a share of the revenue. */
export function termsText({ model, amount, percent }: Item): string {
  if (model === 'fixed') return shown(amount);
  if (model === 'percent') return `${shown(percent)}%`;
  if (model === 'percent_of_revenue') return percent === undefined ? '% of revenue' : `${shown(percent)}% of revenue`;
  return '-';
}
