import ipaddr from 'ipaddr.js';

export interface EgressRules {
  /** 127.0.0.0/8, ::1 and `localhost` may be called, on any port. Only ever true on a developer's machine. */
  readonly allowLoopback: boolean;
}

/** Whether a text is an address rather than a name: IPv4 as four decimals, or IPv6 without brackets. */
export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
}

export function isLoopbackAddress(text: string): boolean {
  return isAddress(text) && ipaddr.parse(text).range() === 'loopback';
}

/**
 * Whether we may connect to an address: globally routed unicast only. What wraps an IPv4 address in an IPv6 one
 * (mapped, NAT64, 6to4, Teredo) is refused whatever it wraps: a gateway would unwrap it behind our back.
 */
export function isAllowedAddress(address: string, { allowLoopback }: EgressRules): boolean {
  if (!isAddress(address)) return false;
  const parsed = ipaddr.parse(address);
  const range = parsed.range();
  if (range === 'loopback') return allowLoopback;
  if (range !== 'unicast') return false;
  if (!(parsed instanceof ipaddr.IPv6)) return true;
  // Of IPv6 only 2000::/3 is given out; the library calls all the rest, ::1.2.3.4 included, unicast.
  return parsed.zoneId === undefined && (parsed.parts[0] ?? 0) >> 13 === 1;
}
