import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { describe, expect, it } from 'vitest';
import { cutAddress } from '../../../lambdas/core/cut-address.ts';

describe('an address', () => {
  it.each([
    ...['', 'localhost', '<script>', '999.999.1.1', '1.2.3', '1.2.3.4.5', '1.2.3.4:80', '::::', ':', '1::2::3'],
    ...[
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7::8',
      '12345::',
      'g::',
      '::ffff:1.2.3.999',
      '1.2.3.4::',
      '1:1.2.3.4::',
      '::1.2.3.4:1',
    ],
  ])('is none as %j', (text) => {
    expect(cutAddress(text)).toBeNull();
  });

  it.each([
    ['203.0.113.77', '203.0.113.0'],
    ['2001:db8:abcd:12::1', '2001:db8:abcd::'],
    ['2001:DB8:0:12::1', '2001:db8::'],
    ['::1', '::'],
    ['1:2:3:4:5:6:7:8', '1:2:3::'],
    ['::1.2.3.4', '::'],
    ['0:0:3::', '0:0:3::'],
    ['::ffff:203.0.113.77', '203.0.113.0'],
    ['::ffff:cb00:714d', '203.0.113.0'],
    ['64:ff9b::203.0.113.77', '64:ff9b::'],
  ])('%s is kept as %s', (address, network) => {
    expect(cutAddress(address)).toBe(network);
  });

  it('of either kind is cut to the network that it is in', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        // The library takes the long deprecated ::1.2.3.4 for ::ffff:1.2.3.4.
        fc.pre(!/^::[\d.]+$/.test(address));
        const network = cutAddress(address);
        expect(network).not.toBeNull();
        const parsed = ipaddr.process(address);
        const kept = parsed.kind() === 'ipv4' ? 3 : 6;
        const bytes = parsed.toByteArray().map((byte, at) => (at < kept ? byte : 0));
        expect(ipaddr.parse(network ?? '').toByteArray()).toEqual(bytes);
      }),
    );
  });
});
