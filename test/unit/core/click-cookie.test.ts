import { describe, expect, it } from 'vitest';
import { addToClickCookie, findInClickCookie } from '../../../lambdas/core/click-cookie.ts';

const TARGET = { network: 'abc', https: true, maxAgeSeconds: 15_552_000 };
const click = (letter: string) => letter.repeat(32);
/** A click that counted itself. */
const counted = (letter: string) => ({ clickId: click(letter), countedAt: null });
const valueOf = (cookie: string) => cookie.slice(0, cookie.indexOf(';'));

describe('the click cookie', () => {
  it.each([
    ['another network’s', [`fb_123=summer=${click('b')}`]],
    ['one whose name only begins alike', [`fb_abcd=summer=${click('b')}`]],
    ['an empty one', ['fb_abc=']],
    ['markup', ['fb_abc=<script>=alert(1)&__proto__']],
    ['a line end', [`fb_abc=x=${click('b')}\r\nSet-Cookie: a=1`]],
    ['a click id of another shape', ['fb_abc=winter=123']],
    ['a time of another shape', [`fb_abc=winter=${click('b')}.&spring=${click('b')}.12345678&autumn=${click('b')}.-1`]],
  ])('takes nothing from %s', (_, cookies) => {
    expect(valueOf(addToClickCookie(cookies, 'summer', counted('a'), TARGET))).toBe(`fb_abc=summer=${click('a')}`);
  });

  it('is host-only, unreadable for scripts, and goes to other sites’ pages over HTTPS', () => {
    expect(addToClickCookie([], 'summer', counted('a'), TARGET)).toBe(
      `fb_abc=summer=${click('a')}; Max-Age=15552000; Path=/; HttpOnly; SameSite=None; Secure`,
    );
  });

  it('is Lax over HTTP, where browsers drop a Secure one', () => {
    const cookie = addToClickCookie([], 'summer', counted('a'), { ...TARGET, https: false });
    expect(cookie).toMatch(/; HttpOnly; SameSite=Lax$/);
  });

  it('has the newest click of a campaign, first', () => {
    const cookies = ['a=1', `fb_abc=winter=${click('c')}&summer=${click('b')}`];
    expect(valueOf(addToClickCookie(cookies, 'summer', counted('a'), TARGET))).toBe(
      `fb_abc=summer=${click('a')}&winter=${click('c')}`,
    );
  });

  it('says of a click that did not count when the one was that did, and keeps what it says of others', () => {
    const cookies = [`fb_abc=winter=${click('c')}.tow0a5&summer=${click('b')}`];
    const mark = { clickId: click('a'), countedAt: 1_795_388_645_678 };
    const value = `fb_abc=summer=${click('a')}.toxeqt&winter=${click('c')}.tow0a5`;
    expect(valueOf(addToClickCookie(cookies, 'summer', mark, TARGET))).toBe(value);
    expect(valueOf(addToClickCookie([], 'summer', { ...mark, countedAt: 0 }, TARGET))).toBe(
      `fb_abc=summer=${click('a')}.0`,
    );
    expect(findInClickCookie([value], 'abc', 'summer')).toEqual({ ...mark, countedAt: 1_795_388_645_000 });
    expect(findInClickCookie([`fb_abc=summer=${click('a')}.0`], 'abc', 'summer')).toEqual({ ...mark, countedAt: 0 });
    expect(findInClickCookie([`fb_abc=summer=${click('a')}`], 'abc', 'summer')).toEqual(counted('a'));
    expect(findInClickCookie([value], 'abc', 'spring')).toBeNull();
    expect(findInClickCookie([value], '123', 'summer')).toBeNull();
  });

  it('keeps the last eight campaigns, under 1 KB however long their ids are', () => {
    const target = { ...TARGET, network: 'n'.repeat(32) };
    let cookie = '';
    for (let i = 0; i < 12; i++) {
      cookie = addToClickCookie(
        [valueOf(cookie)],
        String(i).padStart(64, 'c'),
        { clickId: click('a'), countedAt: 1_795_388_645_678 },
        target,
      );
    }
    const campaigns = [...cookie.matchAll(/c+(\d+)=a/g)].map((match) => match[1]);
    expect(campaigns).toEqual(['11', '10', '9', '8', '7', '6', '5', '4']);
    expect(Buffer.byteLength(cookie)).toBeLessThan(1_024);
  });
});
