import type { Campaign } from './entities.ts';

/** What coupon codes are compared by: customers type them in any case, and with spaces around them. */
export function couponKey(code: string): string {
  return code.trim().normalize('NFC').toLowerCase();
}

/** Whose sales those with this code are; null: the campaign has no such coupon. */
export function publisherOfCoupon(code: string, { coupons }: Pick<Campaign, 'coupons'>): string | null {
  const key = couponKey(code);
  return coupons.find((coupon) => couponKey(coupon.code) === key)?.publisherId ?? null;
}
