import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  BROWSER_WORDS,
  DEVICE_WORDS,
  normaliseBrowser,
  normaliseDevice,
  normaliseOs,
  OPERATING_SYSTEM_WORDS,
} from '../../../../lambdas/core/visitor/words.ts';

describe('a word of targeting', () => {
  it.each([normaliseDevice, normaliseOs, normaliseBrowser])('is none if nobody calls anything so', (normalise) => {
    for (const word of ['', ' ', 'toaster', '*', 'constructor', '__proto__', 'unknown', 'null']) {
      expect(normalise(word)).toBeNull();
    }
  });

  it.each([
    [normaliseDevice, 'Phone', 'mobile'],
    [normaliseDevice, 'smartphone', 'mobile'],
    [normaliseDevice, ' Smart-TV ', 'tv'],
    [normaliseDevice, 'DESKTOP', 'desktop'],
    [normaliseOs, 'Mac OS', 'macos'],
    [normaliseOs, 'OSX', 'macos'],
    [normaliseOs, 'mac_os_x', 'macos'],
    [normaliseOs, 'iPadOS', 'ios'],
    [normaliseOs, 'iPhone OS', 'ios'],
    [normaliseOs, 'Chrome OS', 'chromeos'],
    [normaliseOs, 'CrOS', 'chromeos'],
    [normaliseBrowser, 'Internet  Explorer', 'ie'],
    [normaliseBrowser, 'Samsung Internet', 'samsung'],
    [normaliseBrowser, 'Mobile Safari', 'safari'],
    [normaliseBrowser, 'Opera Mini', 'opera'],
    [normaliseBrowser, 'Messenger', 'facebook'],
  ])('%o reads %j as %s', (normalise, text, word) => {
    expect(normalise(text)).toBe(word);
  });

  it.each([
    ['device', DEVICE_WORDS, normaliseDevice],
    ['os', OPERATING_SYSTEM_WORDS, normaliseOs],
    ['browser', BROWSER_WORDS, normaliseBrowser],
  ] as const)('for every %s that is told apart is one', (what, words, normalise) => {
    const fixture = new URL('../../../fixtures/user-agents.json', import.meta.url);
    const groups = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Readonly<Record<string, string | null>>[];
    const seen = new Set(groups.map((group) => group[what]).filter((word) => word !== null));

    expect([...seen].sort()).toEqual([...words].sort());
    expect(words.map(normalise)).toEqual(words);
  });
});
