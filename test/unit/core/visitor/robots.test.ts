import { readFileSync } from 'node:fs';
import { isbot, list } from 'isbot';
import { describe, expect, it } from 'vitest';
import { isRobot, isRobotAgent } from '../../../../lambdas/core/visitor/robots.ts';

const fixture = <T>(name: string) =>
  JSON.parse(readFileSync(new URL(`../../../fixtures/${name}`, import.meta.url), 'utf8')) as T;

const { robots, people } = fixture<{
  readonly robots: Readonly<Record<string, readonly string[]>>;
  readonly people: readonly string[];
}>('robots.json');
const browsers = fixture<readonly { readonly userAgents: readonly string[] }[]>('user-agents.json');
const everybody = [...people, ...browsers.flatMap(({ userAgents }) => userAgents)];

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

describe('a visitor', () => {
  it.each(Object.entries(robots))('is a robot by the word of %s', (_, userAgents) => {
    expect(userAgents.filter((userAgent) => !isRobotAgent(userAgent))).toEqual([]);
  });

  it.each(['', ' '])('is a robot with the user agent %j', (userAgent) => {
    expect(isRobotAgent(userAgent)).toBe(true);
  });

  it('is a robot without a user agent', () => {
    expect(isRobot({})).toBe(true);
  });

  it('is no robot with a browser or an app that people use, however rare', () => {
    expect(everybody.filter(isRobotAgent)).toEqual([]);
  });

  it('is a robot if one hides behind the name of an app', () => {
    expect(isRobotAgent(`${CHROME} SmartNews/22.8.20 (compatible; Googlebot/2.1)`)).toBe(true);
  });

  it.each(['iframe', 'frame', 'fencedframe', 'image', 'script', 'style', 'object', 'embed', 'empty', 'video'])(
    'is counted as a robot where a page loads the link unseen, as %s',
    (destination) => {
      const headers = { 'user-agent': CHROME, 'sec-fetch-dest': destination, 'sec-fetch-mode': 'navigate' };

      expect(isRobot(headers)).toBe(true);
      expect(isRobot({ ...headers, 'sec-fetch-user': '?0' })).toBe(true);
    },
  );

  it.each([
    {},
    { 'sec-fetch-dest': 'document' },
    { 'sec-fetch-dest': 'document', 'sec-fetch-user': '?1' },
    { 'sec-fetch-dest': 'iframe', 'sec-fetch-user': '?1' },
    { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'cross-site' },
  ])('who follows the link with %j is none', (headers) => {
    expect(isRobot({ 'user-agent': CHROME, ...headers })).toBe(false);
  });
});

describe('the list of robots', () => {
  it('loses nothing of isbot for being compared in lower case', () => {
    const letters = list.map((pattern) => pattern.replace(/\\./g, ''));

    expect(letters.filter((pattern) => pattern !== pattern.toLowerCase())).toEqual([]);
    // An escape in upper case means the opposite of what it means in lower case: \B, \W, \D, \S.
    expect(list.filter((pattern) => /\\[A-Z]/.test(pattern))).toEqual([]);
  });

  it('spares from isbot only these', () => {
    const spared = everybody.filter((userAgent) => isbot(userAgent));

    expect(
      new Set(spared.map((userAgent) => /news|sogou|grab|urllauncher/i.exec(userAgent)?.[0].toLowerCase())),
    ).toEqual(new Set(['news', 'sogou', 'grab', 'urllauncher']));
  });

  it.each(['U', ' ', 'a ', '; a', '@a', '1.', 'news', 'Mozilla/5.0 (compatible; ', '\u{1f600}'])(
    'takes no time over 8 kB of %j',
    (text) => {
      const userAgent = text.repeat(8_000 / text.length);
      isRobotAgent(userAgent);
      isRobotAgent(userAgent);
      const start = process.cpuUsage().user;
      for (let i = 0; i < 100; i += 1) isRobotAgent(userAgent);
      expect((process.cpuUsage().user - start) / 100).toBeLessThan(1_000);
    },
  );
});
