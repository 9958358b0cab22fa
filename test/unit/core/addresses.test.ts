import { describe, expect, it } from 'vitest';
import { isAddress, isAllowedAddress } from '../../../lambdas/core/addresses.ts';

const strict = { allowLoopback: false };
const local = { allowLoopback: true };

describe('addresses that we never connect to', () => {
  it.each([
    ['this network', '0.0.0.0'],
    ['this network', '0.1.2.3'],
    ['10/8', '10.255.255.255'],
    ['carrier-grade NAT', '100.64.0.1'],
    ['carrier-grade NAT, last', '100.127.255.255'],
    ['link-local: the metadata service', '169.254.169.254'],
    ['link-local: container credentials', '169.254.170.2'],
    ['172.16/12', '172.16.0.1'],
    ['172.16/12, last', '172.31.255.255'],
    ['IETF assignments', '192.0.0.8'],
    ['documentation 1', '192.0.2.1'],
    ['6to4 relays', '192.88.99.1'],
    ['192.168/16', '192.168.1.1'],
    ['benchmark', '198.18.0.1'],
    ['benchmark, last', '198.19.255.255'],
    ['documentation 2', '198.51.100.7'],
    ['documentation 3', '203.0.113.9'],
    ['multicast', '224.0.0.1'],
    ['class E', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['IPv4-compatible', '::7f00:1'],
    ['IPv4-compatible, dotted', '::8.8.8.8'],
    ['mapped loopback', '::ffff:127.0.0.1'],
    ['mapped loopback in hex', '::ffff:7f00:1'],
    ['mapped public', '::ffff:8.8.8.8'],
    ['translated', '::ffff:0:7f00:1'],
    ['NAT64', '64:ff9b::a9fe:a9fe'],
    ['NAT64 of a public address', '64:ff9b::808:808'],
    ['local NAT64', '64:ff9b:1::a9fe:a9fe'],
    ['discard', '100::1'],
    ['Teredo', '2001:0:4136:e378:8000:63bf:3fff:fdd2'],
    ['IPv6 benchmark', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['IPv6 documentation', '2001:db8::1'],
    ['IPv6 documentation 2', '3fff::1'],
    ['6to4', '2002:a9fe:a9fe::1'],
    ['unassigned', '4000::1'],
    ['segment routing', '5f00::1'],
    ['unique local', 'fc00::1'],
    ['unique local: the metadata service', 'fd00:ec2::254'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['global with a zone', '2606:4700::1111%eth0'],
    ['site-local', 'fec0::1'],
    ['IPv6 multicast', 'ff02::1'],
    ['no address', 'pub.example'],
    ['nothing', ''],
    ['a short spelling', '127.1'],
    ['a number', '2130706433'],
  ])('%s: %s', (_, address) => {
    expect(isAllowedAddress(address, strict)).toBe(false);
    expect(isAllowedAddress(address, local)).toBe(false);
  });
});

it.each(['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'])(
  'loopback %s only where it is allowed',
  (address) => {
    expect(isAllowedAddress(address, strict)).toBe(false);
    expect(isAllowedAddress(address, local)).toBe(true);
  },
);

it.each(['8.8.8.8', '1.1.1.1', '100.128.0.1', '172.32.0.1', '223.255.255.255', '2606:4700:4700::1111', '2a00:1450::1'])(
  'public %s is allowed',
  (address) => {
    expect(isAllowedAddress(address, strict)).toBe(true);
  },
);

it.each(['pub.example', '127.1', '0x7f000001', '1.2.3.4.5', ''])('"%s" is no address', (text) => {
  expect(isAddress(text)).toBe(false);
});
