import { createHash, timingSafeEqual } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import type { Sender } from './entities.ts';

/** A token as it is stored and looked up: SHA-256, hex. */
export function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** Whether the sender is active and the token is one of its own and not expired. `hash`: see {@link hashToken}. */
export function holdsToken(sender: Sender, hash: string, now: number): boolean {
  const given = Buffer.from(hash);
  let held = false;
  for (const token of sender.tokens) {
    const stored = Buffer.from(token.hash);
    const same = stored.length === given.length && timingSafeEqual(stored, given);
    if (same && (token.expiresAt === null || now < token.expiresAt)) held = true;
  }
  return held && sender.status === 'active';
}

/** Who reports a conversion: a sender, or the holder of an API key (`id` null). */
export interface Reporter extends Pick<Sender, 'advertiserIds' | 'decimals'> {
  readonly id: string | null;
}

/** Whether the sender may report conversions of this advertiser. */
export function mayReportFor(sender: Reporter, advertiserId: string): boolean {
  return sender.advertiserIds === 'all' || sender.advertiserIds.includes(advertiserId);
}

/** Whether the sender may call from this address; an empty list allows all. Entries: addresses or CIDR of either family. */
export function mayCallFrom(sender: Sender, address: string): boolean {
  if (sender.ipAllowList.length === 0) return true;
  if (!ipaddr.isValid(address)) return false;
  const caller = ipaddr.process(address);
  return sender.ipAllowList.some((entry) => {
    const network = parseNetwork(entry);
    return network !== null && network[0].kind() === caller.kind() && caller.match(network);
  });
}

function parseNetwork(entry: string): [ipaddr.IPv4 | ipaddr.IPv6, number] | null {
  if (ipaddr.isValidCIDR(entry)) {
    const [address, bits] = ipaddr.parseCIDR(entry);
    if (address instanceof ipaddr.IPv4 || !address.isIPv4MappedAddress()) return [address, bits];
    return bits < 96 ? null : [address.toIPv4Address(), bits - 96];
  }
  if (!ipaddr.isValid(entry)) return null;
  const address = ipaddr.process(entry);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}
