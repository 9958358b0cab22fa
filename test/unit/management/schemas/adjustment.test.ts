import { expect, it } from 'vitest';
import { newAdjustment } from '../../../../lambdas/management/schemas/adjustment.ts';
import { wrongFields } from '../../../../lambdas/management/validation.ts';

const BONUS = { publisher_id: 'tia', campaign_id: 'summer', reason: 'a bonus' };

it.each([
  ['payout', null, 'INVALID_TYPE'],
  ['payout', 2.5, 'INVALID_TYPE'],
  ['revenue', '', 'INVALID_AMOUNT'],
  ['revenue', '--1', 'INVALID_AMOUNT'],
  ['revenue', '1000000000000', 'INVALID_AMOUNT'],
  ['reason', '\ud83c', 'INVALID_FORMAT'],
  ['reason', 'a\u0000b', 'INVALID_FORMAT'],
])('an adjustment is refused whose %s is %j', (field, value, code) => {
  expect(wrongFields(newAdjustment, { ...BONUS, [field]: value })).toMatchObject([{ pointer: `/${field}`, code }]);
});

it.each([
  [{ payout: '-2.5', reason: 'a bonus 🎉' }, -2_500_000n, 0n],
  [{ revenue: '0.000001' }, 0n, 1n],
  [{ payout: '-0', revenue: '1' }, 0n, 1_000_000n],
])('what an adjustment leaves out is zero: %j', (given, payout, revenue) => {
  expect(newAdjustment.parse({ ...BONUS, ...given })).toMatchObject({ payout, revenue });
});
