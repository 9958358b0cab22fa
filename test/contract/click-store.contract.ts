import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CounterKey, CounterUpdate } from '../../lambdas/core/counters.ts';
import { CLICK_VALUES } from '../../lambdas/core/entities.ts';
import { toMicros } from '../../lambdas/core/money.ts';
import type { ClickReader, ClickStore, VisitClaim } from '../../lambdas/core/ports.ts';
import { aClick } from '../support/entities.ts';

interface ClickSubject {
  readonly store: ClickStore;
  readonly reader: ClickReader;
}

const TIME = 20_000;
const newName = () => randomBytes(16).toString('hex');
const newClick = (overrides = {}) => aClick({ id: newName(), ...overrides });
const newKey = (): CounterKey => ({ pk: `clicks#${newName()}`, sk: '*' });
const slot = (key: CounterKey, limit: bigint | null, attribute = 'nt', amount = 1n): CounterUpdate => ({
  key,
  adds: [{ attribute, amount, limit }],
});

/** What every {@link ClickStore} does, with the {@link ClickReader} of the same clicks. */
export function clickStoreContract(name: string, start: () => ClickSubject): void {
  describe(`${name} as a store of clicks`, () => {
    it('has no click that nobody stored', async () => {
      expect(await start().reader.click('2'.repeat(32))).toBeNull();
    });

    it('keeps the first of two clicks with one id, and tells its code', async () => {
      const { store, reader } = start();
      const click = newClick({ code: 'CAP_REACHED', payable: false });
      expect(await store.put(click, [], TIME)).toEqual({ kind: 'stored' });
      expect(await store.put({ ...click, code: 'OK' }, [], TIME)).toEqual({ kind: 'there', code: 'CAP_REACHED' });
      expect(await reader.click(click.id)).toEqual(click);
    });

    it('gives back a click with everything, odd characters included', async () => {
      const { store, reader } = start();
      const odd = '\u0000\r\n"\\\u202e💸\ufffd\ufffe\uffff<script>{p2}';
      const click = newClick({
        // Short, so that the user agent fits into the write unit.
        values: { ...Object.fromEntries(CLICK_VALUES.map((name) => [name, name])), p1: odd, gpp_sid: odd },
        country: 'AT',
        device: 'phone',
        os: 'ios',
        browser: 'safari',
        language: 'de',
        ip: '203.0.113.0',
        userAgent: odd,
        payout: { amount: toMicros(12_345_678n), currency: 'USD' },
      });
      await store.put(click, [], TIME);
      expect(await reader.click(click.id)).toEqual(click);
    });
  });

  describe(`${name} as a store of clicks with slots`, () => {
    /** A counter with one of at most two slots taken. */
    const started = async () => {
      const { store, reader } = start();
      const [own, all] = [newKey(), newKey()];
      await store.add(slot(own, 2n), TIME);
      const slots = [slot(own, 2n), slot(all, 1n)];
      const counts = () =>
        Promise.all([own, all].map(async (key) => (await store.add(slot(key, null, 'nt', 0n), TIME)).counts.get('nt')));
      return { store, reader, slots, counts };
    };

    it('stores neither click nor slot if one of them has no room (invariant 6)', async () => {
      const { store, reader, slots, counts } = await started();
      await store.put(newClick(), slots.slice(1), TIME);
      const click = newClick();
      expect(await store.put(click, slots, TIME)).toEqual({ kind: 'full' });
      expect(await reader.click(click.id)).toBeNull();
      expect(await counts()).toEqual([1n, 1n]);
    });

    it('takes no slot for a click that is there, even if there is no room', async () => {
      const { store, slots, counts } = await started();
      const click = newClick();
      expect(await store.put(click, slots, TIME)).toEqual({ kind: 'stored' });
      expect(await store.put(click, slots, TIME)).toEqual({ kind: 'there', code: 'OK' });
      expect(await counts()).toEqual([2n, 1n]);
    });

    it('stores one click once and takes its slots once, however often at once (invariants 2, 6)', async () => {
      const { store, slots, counts } = await started();
      const click = newClick();
      const results = await Promise.all(Array.from({ length: 10 }, () => store.put(click, slots, TIME)));
      expect(results.filter(({ kind }) => kind === 'stored')).toHaveLength(1);
      expect(await counts()).toEqual([2n, 1n]);
    });
  });

  describe(`${name} as a counter of clicks`, () => {
    it('counts up to a limit and no further, however many at once (invariant 6)', async () => {
      const { store } = start();
      const key = newKey();
      const results = await Promise.all(Array.from({ length: 40 }, () => store.add(slot(key, 25n), TIME)));
      expect(results.filter(({ added }) => added)).toHaveLength(25);
      expect(await store.add(slot(key, 25n), TIME)).toEqual({ added: false, counts: new Map([['nt', 25n]]) });
    });

    it('adds all attributes of an update or none, and tells all counts of the item', async () => {
      const { store } = start();
      const key = newKey();
      await store.add(slot(key, null, 'nd1', 7n), TIME);
      const adds = [
        { attribute: 'nt', amount: 1n, limit: 9n },
        { attribute: 'nd2', amount: 1n, limit: 1n },
      ];
      const counts = new Map([
        ['nd1', 7n],
        ['nt', 1n],
        ['nd2', 1n],
      ]);
      expect(await store.add({ key, adds }, TIME)).toEqual({ added: true, counts });
      expect(await store.add({ key, adds }, TIME)).toEqual({ added: false, counts });
    });

    it('has no room below a limit of nothing', async () => {
      const { store } = start();
      const key = newKey();
      expect(await store.add(slot(key, 0n), TIME)).toEqual({ added: false, counts: new Map() });
      expect(await store.put(newClick(), [slot(key, 0n)], TIME)).toEqual({ kind: 'full' });
    });

    it('has room again when a slot is given back', async () => {
      const { store } = start();
      const key = newKey();
      await store.add(slot(key, 1n), TIME);
      await store.add(slot(key, null, 'nt', -1n), TIME);
      expect(await store.add(slot(key, 1n), TIME)).toMatchObject({ added: true });
    });

    it('forgets the attributes that it is told to, and no other', async () => {
      const { store } = start();
      const key = newKey();
      for (const attribute of ['nh1', 'nh2', 'nt']) await store.add(slot(key, null, attribute), TIME);
      await store.forget(key, ['nh1', 'nh2'], TIME);
      await store.forget(key, ['nh1'], TIME);
      expect((await store.add(slot(key, null), TIME)).counts).toEqual(new Map([['nt', 2n]]));
    });
  });

  describe(`${name} as a keeper of visits`, () => {
    const WINDOW = 3_600;
    const newVisit = (): VisitClaim => ({ key: newName(), keyBefore: null, windowSeconds: WINDOW });
    const first = newClick();
    const marker = { clickId: first.id, countedAt: first.createdAt };

    it('knows of no visit that nobody made', async () => {
      expect(await start().store.visit(newName(), TIME)).toBeNull();
    });

    it('sets a visit’s marker, again and again for the same click', async () => {
      const { store } = start();
      const visit = newVisit();
      expect(await store.claimVisit(visit, first, TIME)).toBeNull();
      expect(await store.claimVisit(visit, first, TIME)).toBeNull();
      expect(await store.visit(visit.key, TIME)).toEqual(marker);
    });

    it.each([
      ['at once', 0],
      ['just inside the window', WINDOW * 1_000 - 1],
      ['from before it, out of the spool', -2 * WINDOW * 1_000],
    ])('keeps the marker against another click %s, and tells it', async (_, later) => {
      const { store } = start();
      const visit = newVisit();
      await store.claimVisit(visit, first, TIME);
      expect(await store.claimVisit(visit, newClick({ createdAt: first.createdAt + later }), TIME)).toEqual(marker);
      expect(await store.visit(visit.key, TIME)).toEqual(marker);
    });

    it('gives the marker to a click when the window is over', async () => {
      const { store } = start();
      const visit = newVisit();
      await store.claimVisit(visit, first, TIME);
      const next = newClick({ createdAt: first.createdAt + WINDOW * 1_000 });
      expect(await store.claimVisit(visit, next, TIME)).toBeNull();
      expect(await store.visit(visit.key, TIME)).toEqual({ clickId: next.id, countedAt: next.createdAt });
    });

    it('gives the marker to one of many at once', async () => {
      const { store } = start();
      const visit = newVisit();
      const clicks = Array.from({ length: 20 }, () => newClick());
      const results = await Promise.all(clicks.map((click) => store.claimVisit(visit, click, TIME)));
      expect(results.filter((standing) => standing === null)).toHaveLength(1);
    });

    it('lets go of the marker for its own click only', async () => {
      const { store } = start();
      const visit = newVisit();
      await store.claimVisit(visit, first, TIME);
      await store.releaseVisit(visit.key, newClick().id, TIME);
      expect(await store.visit(visit.key, TIME)).toEqual(marker);
      await store.releaseVisit(visit.key, first.id, TIME);
      await store.releaseVisit(visit.key, first.id, TIME);
      expect(await store.claimVisit(visit, newClick(), TIME)).toBeNull();
    });

    it('makes nothing of a release where there is no marker', async () => {
      const { store } = start();
      const { key } = newVisit();
      await store.releaseVisit(key, first.id, TIME);
      expect(await store.visit(key, TIME)).toBeNull();
    });
  });
}
