import { readFileSync } from 'node:fs';
import Bowser from 'bowser';
import { describe, expect, it } from 'vitest';
import { classifyUserAgent } from '../../../../lambdas/core/visitor/user-agent.ts';
import type { UserAgentClass } from '../../../../lambdas/core/visitor/user-agent.ts';

interface Group extends UserAgentClass {
  readonly group: string;
  readonly userAgents: readonly string[];
}

const fixture = new URL('../../../fixtures/user-agents.json', import.meta.url);
const groups = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Group[];

/** Bowser's words for what we call otherwise; its other words are ours in lower case. */
const BOWSER_WORDS: Readonly<Record<string, string>> = {
  'Amazon Silk': 'silk',
  'Android Browser': 'android',
  'Chrome OS': 'chromeos',
  Chromium: 'chrome',
  'Google Search': 'google',
  'HeyTap Browser': 'heytap',
  'Internet Explorer': 'ie',
  'Microsoft Edge': 'edge',
  'NAVER Whale Browser': 'whale',
  'Opera Touch': 'opera',
  'QQ Browser': 'qq',
  'Samsung Internet for Android': 'samsung',
  'UC Browser': 'uc',
  'Vivo Browser': 'vivo',
  'Yandex Browser': 'yandex',
};

const word = (name: string | undefined) =>
  name === undefined || name === '' ? null : (BOWSER_WORDS[name] ?? name.toLowerCase());

/** `what group: ours, not theirs` where both have a word and the words differ. */
function differences({ group, userAgents }: Group): string[] {
  return userAgents.flatMap((userAgent) => {
    const ours = classifyUserAgent(userAgent);
    const { platform, os, browser } = Bowser.parse(userAgent);
    const theirs = { device: word(platform.type), os: word(os.name), browser: word(browser.name) };
    return (['device', 'os', 'browser'] as const)
      .filter((what) => ours[what] !== null && theirs[what] !== null && ours[what] !== theirs[what])
      .map((what) => `${what}, ${group}: ${ours[what]}, not ${theirs[what]}`);
  });
}

/** Every difference from bowser over the whole fixture, by the reason why we keep it. */
const ACCEPTED: Readonly<Record<string, readonly string[]>> = {
  'bowser does not know this browser and names what it is made of': [
    'browser, DuckDuckGo on an Android phone: duckduckgo, not chrome',
    'browser, DuckDuckGo on an iPhone: duckduckgo, not safari',
    'browser, Huawei Browser on HarmonyOS: huawei, not chrome',
    'browser, Huawei Browser: huawei, not chrome',
    'browser, Opera on an iPhone: opera, not safari',
  ],
  'too rare for a word of its own: what it is made of decides': [
    'browser, Electron apps on Windows: chrome, not electron',
    'browser, GNOME Web by its name: safari, not epiphany',
    'browser, Gecko browsers on desktops: firefox, not librewolf',
    'browser, Gecko browsers on desktops: firefox, not pale moon',
    'browser, Gecko browsers on desktops: firefox, not seamonkey',
    'browser, LG TV: chrome, not webos browser',
    'browser, Rare Chromium browsers on Windows, by the name of what they are made of: chrome, not sogou browser',
  ],
  'bowser names the view that an app shows pages in; targeting wants the app': [
    'browser, Facebook on Android without a browser name: facebook, not [fban/fb4a;fbav/567.1.0.52.74;fbbv/1003893689;fbdm/{density=3.0,width=1080,height=2340};fblc/nl_nl;fbrv/1012267334;fbcr',
    'browser, Facebook on an Android phone: facebook, not chrome',
    'browser, Facebook on an Android tablet: facebook, not chrome',
    'browser, Facebook on an iPad: facebook, not safari',
    'browser, Facebook on an iPhone: facebook, not safari',
    'browser, Google app on an Android phone: google, not chrome',
    'browser, Instagram on an Android phone: instagram, not chrome',
    'browser, Instagram on an iPhone: instagram, not safari',
    'browser, KakaoTalk on an Android phone: kakaotalk, not chrome',
    'browser, KakaoTalk on an iPhone: kakaotalk, not safari',
    'browser, Line on an Android phone: line, not chrome',
    'browser, Line on an iPhone: line, not safari',
    'browser, LinkedIn on an Android phone: linkedin, not chrome',
    'browser, LinkedIn on an iPhone: linkedin, not safari',
    'browser, Pinterest on an Android phone: pinterest, not chrome',
    'browser, Pinterest on an iPhone: pinterest, not safari',
    'browser, Snapchat on an Android phone: snapchat, not chrome',
    'browser, Snapchat on an iPhone: snapchat, not safari',
    'browser, TikTok on an Android phone: tiktok, not chrome',
    'browser, TikTok on an iPhone: tiktok, not safari',
    'browser, Twitter on an Android phone: twitter, not chrome',
    'browser, Twitter on an iPhone: twitter, not safari',
  ],
  'bowser takes a view inside an app for the browser that it is made of': [
    'browser, Other apps on an Android phone, by the view that they use: webview, not chrome',
    'browser, Other apps on an iPhone, by the view that they use: webview, not safari',
    'browser, Web view of an app on a Mac: webview, not safari',
    'browser, Web view of an app on an Android phone: webview, not chrome',
    'browser, Web view of an app on an Android tablet: webview, not chrome',
    'browser, Web view of an app on an iPad: webview, not safari',
    'browser, Web view of an app on an iPhone: webview, not safari',
    'browser, iPad app that shows the desktop site in a web view of its own: webview, not safari',
  ],
  "bowser names a TV's system as its browser": ['browser, Samsung TV, newer: samsung, not tizen'],
  'bowser takes a TV for the computer or tablet that it is made of': [
    'device, Android TV: tv, not tablet',
    'device, Cast device: tv, not desktop',
    'device, HbbTV by Opera: tv, not desktop',
    'device, Silk on a Fire TV: tv, not tablet',
  ],
  'bowser takes every Nokia for a phone; this one is a T20': [
    'device, Chrome on an Android tablet: tablet, not mobile',
  ],
  'bowser believes an iPad that says Macintosh, though the rest of the string betrays it': [
    'device, Chrome on an iPad that asks for the desktop site: tablet, not desktop',
    'device, iPad app that shows the desktop site in a web view of its own: tablet, not mobile',
    'os, Chrome on an iPad that asks for the desktop site: ios, not macos',
    'os, iPad app that shows the desktop site in a web view of its own: ios, not macos',
  ],
  'bowser has no word for consoles': [
    'device, Edge on an Xbox: console, not desktop',
    'device, Nintendo: console, not mobile',
    'device, PlayStation, older: console, not tv',
    'device, PlayStation: console, not tv',
  ],
  'bowser takes every Yahoo for a robot; this is an app with people in front': [
    'device, Other apps on an Android phone, by the view that they use: mobile, not bot',
    'device, Other apps on an iPhone, by the view that they use: mobile, not bot',
  ],
  'bowser does not see through "Andr0id", as TVs write it': ['os, HbbTV by Opera: android, not linux'],
  'bowser takes the Android that a KaiOS mentions for the system': ['os, KaiOS: kaios, not android'],
  'bowser does not know that UC Browser shortens Android to Adr': [
    'os, UC Browser that shortens Android: android, not linux',
  ],
  'a dead Windows is not worth a word of its own': [
    'os, Windows Phone, older: windows, not windows phone',
    'os, Windows Phone: windows, not windows phone',
  ],
};

describe('the class of a user agent', () => {
  it.each(['', ' ', '-', 'Mozilla/5.0', 'éÿ x', '(((((', '\u0000', 'Version/ Safari'])(
    'knows nothing of %j',
    (text) => {
      expect(classifyUserAgent(text)).toEqual({ device: null, os: null, browser: null });
    },
  );

  it.each([
    'U',
    'Macintosh ',
    '(Macintosh ',
    '(iPhone ',
    'Android Version/',
    'Version/1 Mobile ',
    'Silk/ Mobile',
    '\u{1f600}',
  ])('takes no time over 8 kB of %j', (text) => {
    const userAgent = text.repeat(8_000 / text.length);
    const start = process.cpuUsage().user;
    for (let i = 0; i < 100; i += 1) classifyUserAgent(userAgent);
    expect((process.cpuUsage().user - start) / 100).toBeLessThan(1_000);
  });

  it.each(groups.map((group) => [group.group, group] as const))('is known of %s', (_, group) => {
    const { device, os, browser, userAgents } = group;

    const classes = userAgents.map((userAgent) => ({ userAgent, ...classifyUserAgent(userAgent) }));

    expect(classes).toEqual(userAgents.map((userAgent) => ({ userAgent, device, os, browser })));
  });

  it('differs from what bowser says only where we know why', () => {
    const found = new Set(groups.flatMap(differences));

    expect([...found].sort()).toEqual(Object.values(ACCEPTED).flat().sort());
  });

  it('is checked over at least 300 different user agents', () => {
    expect(new Set(groups.flatMap(({ userAgents }) => userAgents)).size).toBeGreaterThanOrEqual(300);
  });
});
