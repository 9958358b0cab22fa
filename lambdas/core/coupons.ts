/** What coupon codes are compared by: customers type them in any case, and with spaces around them. */
export function couponKey(code: string): string {
  return code.trim().normalize('NFC').toLowerCase();
}
