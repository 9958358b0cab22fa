import { describe, expect, it } from 'vitest';
import { CLICK_VALUES } from '../../lambdas/core/entities.ts';
import type { ClickReader, ClickWriter } from '../../lambdas/core/ports.ts';
import { aClick } from '../support/entities.ts';

interface ClickSubject {
  readonly writer: ClickWriter;
  readonly reader: ClickReader;
}

let clicks = 0;
const newId = () => String.fromCharCode(97 + (++clicks % 26)).repeat(32);

/** What every {@link ClickWriter} does with the {@link ClickReader} of the same clicks. */
export function clickStoreContract(name: string, start: () => ClickSubject): void {
  describe(`${name} as a store of clicks`, () => {
    it('has no click that nobody stored', async () => {
      expect(await start().reader.click('2'.repeat(32))).toBeNull();
    });

    it('takes the same click again and keeps the first', async () => {
      const { writer, reader } = start();
      const click = aClick({ id: newId(), values: { p1: 'first' } });
      await writer.put(click);
      await writer.put(click);
      await writer.put({ ...click, values: { p1: 'second' } });
      expect(await reader.click(click.id)).toEqual(click);
    });

    it('gives back a click with nothing but what it must have', async () => {
      const { writer, reader } = start();
      const click = aClick({ id: newId(), code: 'CAMPAIGN_PAUSED', payable: false });
      await writer.put(click);
      expect(await reader.click(click.id)).toEqual(click);
    });

    it('gives back a click with everything, odd characters included', async () => {
      const { writer, reader } = start();
      const odd = '\u0000\r\n"\\\u202e💸\ufffd<script>{p2}';
      const click = aClick({
        id: newId(),
        values: Object.fromEntries(CLICK_VALUES.map((name) => [name, `${name} ${odd}`])),
        country: 'AT',
        device: 'phone',
        os: 'ios',
        browser: 'safari',
        language: 'de',
        ip: '203.0.113.0',
        userAgent: odd,
      });
      await writer.put(click);
      expect(await reader.click(click.id)).toEqual(click);
    });
  });
}
