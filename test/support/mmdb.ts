import { isIPv4 } from 'node:net';

type Value = string | readonly string[] | { readonly [key: string]: Value } | Sized;

/** An unsigned integer in so many bytes; 8 stand for the format's 64 bits. */
interface Sized {
  readonly bytes: 2 | 4 | 8;
  readonly number: number;
}

/** A network (`81.2.69.0/24`, `2001:db8::/32`, without the short form of zeros in the middle) and what the file says of it. */
export type MmdbEntry = readonly [network: string, record: Readonly<Record<string, Value>>];

/**
 * Writes a MaxMind database file, as small as it gets. In one of version 6, IPv4 networks lie below `::/96`.
 * https://maxmind.github.io/MaxMind-DB/
 */
export function encodeMmdb(entries: readonly MmdbEntry[], version: 4 | 6 = 6): Buffer {
  const data: Buffer[] = [];
  const nodes: Node[] = [[null, null]];
  let size = 0;
  for (const [network, record] of entries) {
    const encoded = encode(record);
    insert(nodes, bitsOf(network, version), { offset: size });
    data.push(encoded);
    size += encoded.length;
  }
  const metadata = encode({
    binary_format_major_version: { bytes: 2, number: 2 },
    binary_format_minor_version: { bytes: 2, number: 0 },
    build_epoch: { bytes: 8, number: 1_700_000_000 },
    database_type: 'Test-Country',
    description: { en: 'A test' },
    ip_version: { bytes: 2, number: version },
    languages: ['en'],
    node_count: { bytes: 4, number: nodes.length },
    record_size: { bytes: 2, number: 24 },
  });
  const tree = Buffer.concat(nodes.flat().map((child) => uint(3, recordOf(child, nodes.length))));
  return Buffer.concat([tree, Buffer.alloc(16), ...data, Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1'), metadata]);
}

/** Another node by its index, a record by its place in the data section, or nothing. */
type Child = number | { readonly offset: number } | null;
type Node = [Child, Child];

function insert(nodes: Node[], bits: readonly number[], leaf: Child): void {
  let at = 0;
  for (const [depth, bit] of bits.entries()) {
    const node = nodes[at];
    if (node === undefined) return;
    if (depth === bits.length - 1) {
      node[bit] = leaf;
      return;
    }
    const child = node[bit];
    const next = typeof child === 'number' ? child : nodes.push([null, null]) - 1;
    node[bit] = next;
    at = next;
  }
}

function recordOf(child: Child, nodeCount: number): number {
  if (child === null) return nodeCount;
  return typeof child === 'number' ? child : nodeCount + 16 + child.offset;
}

function bitsOf(network: string, version: 4 | 6): readonly number[] {
  const [address = '', length = ''] = network.split('/');
  if (!isIPv4(address)) {
    const groups = address.replace(/::$/, '').split(':');
    return bits(groups.map((group) => [16, Number.parseInt(group, 16)])).slice(0, Number(length));
  }
  const octets = bits(address.split('.').map((octet) => [8, Number(octet)])).slice(0, Number(length));
  return version === 4 ? octets : [...Array.from({ length: 96 }, () => 0), ...octets];
}

function bits(numbers: readonly (readonly [width: number, value: number])[]): readonly number[] {
  return numbers.flatMap(([width, value]) => Array.from({ length: width }, (_, i) => (value >> (width - 1 - i)) & 1));
}

function encode(value: Value): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value);
    return Buffer.concat([control(2, text.length), text]);
  }
  if (isList(value)) return Buffer.concat([control(11, value.length), ...value.map(encode)]);
  if (isSized(value)) {
    const type = { 2: 5, 4: 6, 8: 9 }[value.bytes];
    return Buffer.concat([control(type, value.bytes), uint(value.bytes, value.number)]);
  }
  const fields = Object.entries(value);
  return Buffer.concat([control(7, fields.length), ...fields.flatMap(([key, field]) => [encode(key), encode(field)])]);
}

/** Type and size; no value here is longer than 284. */
function control(type: number, size: number): Buffer {
  const first = ((type > 7 ? 0 : type) << 5) | Math.min(size, 29);
  return Buffer.from([first, ...(type > 7 ? [type - 7] : []), ...(size < 29 ? [] : [size - 29])]);
}

function uint(bytes: number, value: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, Math.max(0, bytes - 6), Math.min(bytes, 6));
  return buffer;
}

const isList = (value: Value): value is readonly string[] => Array.isArray(value);
const isSized = (value: Value): value is Sized => typeof value === 'object' && 'bytes' in value;
