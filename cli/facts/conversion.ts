import type { Item } from '../api.ts';
import { field, money, time } from '../table.ts';
import type { Column } from '../table.ts';
import { shown } from '../text.ts';

export const CONVERSIONS: readonly Column[] = [
  field('id', { whole: true }),
  time('created_at', 'created'),
  { header: 'status', of: standing, whole: true },
  money('payout'),
  field('goal'),
  field('publisher_id', { header: 'publisher' }),
  money('revenue'),
  field('campaign_id', { header: 'campaign' }),
  field('txn_id'),
];

/** Its status, and why it is no ordinary one. */
function standing({ status, code, test }: Item): string {
  return [shown(status), ...(code === 'OK' ? [] : [shown(code)]), ...(test === true ? ['(test)'] : [])].join(' ');
}

/** What it is and pays, in one line; a key that is bound to one side sees that side's money alone. */
export function conversionText(conversion: Item): string {
  const amounts = ['payout', 'revenue'].flatMap((name) =>
    conversion[name] === undefined ? [] : [`${name} ${shown(conversion[name])} ${shown(conversion['currency'])}`],
  );
  return [standing(conversion), ...amounts].join(', ');
}
