/**
 * An IP address cut to its network, /24 or /48, as it may be stored (invariant 12); null if the text is no address. By hand
 * instead of ipaddr.js, which is larger than the whole redirect.
 */
export function cutAddress(address: string): string | null {
  if (!address.includes(':')) return cutIpv4(address);
  const groups = ipv6Groups(address);
  if (groups === null) return null;
  const [a = 0, b = 0, c = 0, , , f = 0, g = 0, h = 0] = groups;
  if (groups.slice(0, 5).every((group) => group === 0) && f === 0xffff) {
    return cutIpv4(`${g >>> 8}.${g & 255}.${h >>> 8}.${h & 255}`);
  }
  const network = [a, b, c];
  // Trailing zero groups belong to the "::".
  while (network.at(-1) === 0) network.pop();
  return `${network.map((group) => group.toString(16)).join(':')}::`;
}

const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

function ipv4Octets(text: string): readonly number[] | null {
  const octets = IPV4.exec(text)?.slice(1).map(Number);
  return octets === undefined || octets.some((octet) => octet > 255) ? null : octets;
}

function cutIpv4(text: string): string | null {
  const octets = ipv4Octets(text);
  return octets === null ? null : `${octets.slice(0, 3).join('.')}.0`;
}

function ipv6Groups(text: string): readonly number[] | null {
  const [head = '', tail, ...more] = text.replace(/(?<=:)[\d.]+$/, hexOfDotted).split('::');
  if (more.length > 0) return null;
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  if (before === null || after === null) return null;
  const missing = 8 - before.length - after.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}

/** The last 32 bits may stand as a dotted IPv4 address; anything else is left as it is. */
function hexOfDotted(text: string): string {
  const octets = ipv4Octets(text);
  if (octets === null) return text;
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

function groupsOf(text: string): readonly number[] | null {
  const parts = text === '' ? [] : text.split(':');
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : null;
}
