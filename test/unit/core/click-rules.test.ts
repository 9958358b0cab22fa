import { describe, expect, it } from 'vitest';
import { codeOf } from '../../../lambdas/core/click-rules.ts';
import type { ClickScene } from '../../../lambdas/core/click-rules.ts';
import { DEFAULT_CAMPAIGN_TERMS } from '../../../lambdas/core/entities.ts';
import type { Campaign, Targeting } from '../../../lambdas/core/entities.ts';
import type { ClickCode } from '../../../lambdas/core/reasons.ts';
import { aCampaign, aPublisher } from '../../support/entities.ts';

const NOW = Date.UTC(2026, 10, 22, 23);
const VISIT: ClickScene['visit'] = {
  country: 'AT',
  device: 'mobile',
  os: 'ios',
  browser: 'safari',
  language: 'de',
  values: { source: 'Blog' },
};

interface SceneOptions extends Partial<Omit<ClickScene, 'campaign'>> {
  readonly campaign?: Partial<Campaign>;
}

const codeWith = ({ campaign, ...scene }: SceneOptions): ClickCode =>
  codeOf({
    now: NOW,
    publisher: aPublisher(),
    visit: VISIT,
    isCapReached: false,
    isPrefetch: false,
    isRobot: false,
    countedAt: null,
    ...scene,
    campaign: aCampaign(campaign),
  });

const targeting = (rules: Partial<Targeting>): Targeting => ({ ...DEFAULT_CAMPAIGN_TERMS.targeting, ...rules });
const allow = (...values: string[]) => ({ allow: values, deny: [] });
const deny = (...values: string[]) => ({ allow: [], deny: values });
const unknownVisit: ClickScene['visit'] = {
  country: null,
  device: null,
  os: null,
  browser: null,
  language: null,
  values: {},
};

describe('the code of a click', () => {
  it.each<[ClickCode, string, SceneOptions]>([
    ['CAMPAIGN_PAUSED', 'the campaign is paused', { campaign: { status: 'paused' } }],
    ['CAMPAIGN_PAUSED', 'the campaign is archived', { campaign: { status: 'archived' } }],
    ['CAMPAIGN_SCHEDULED', 'the campaign begins the next millisecond', { campaign: { startsAt: NOW + 1 } }],
    ['CAMPAIGN_ENDED', 'the campaign ends now', { campaign: { endsAt: NOW } }],
    ['PUBLISHER_BLOCKED', 'the publisher is paused', { publisher: aPublisher({ status: 'paused' }) }],
    ['PUBLISHER_BLOCKED', 'the publisher is archived', { publisher: aPublisher({ status: 'archived' }) }],
    ['PUBLISHER_BLOCKED', 'the campaign blocks the publisher', { campaign: { blockedPublishers: ['mia', 'tia'] } }],
    [
      'PUBLISHER_NOT_APPROVED',
      'publishers have to ask',
      { campaign: { visibility: 'ask', approvedPublishers: ['mia'] } },
    ],
    ['PUBLISHER_NOT_APPROVED', 'the campaign is private', { campaign: { visibility: 'private' } }],
    ['SOURCE_BLOCKED', 'the source is denied', { campaign: { targeting: targeting({ sources: deny('Blog') }) } }],
    ['TARGETING', 'the country is denied', { campaign: { targeting: targeting({ countries: deny('AT') }) } }],
    ['CAP_REACHED', 'a conversion cap is full', { isCapReached: true }],
    ['PREFETCH', 'the page is fetched ahead', { isPrefetch: true }],
    ['BOT', 'a robot looks', { isRobot: true }],
    ['DUPLICATE_CLICK', 'the visitor’s click counted already', { countedAt: NOW - 1 }],
    ['OK', 'nothing is wrong', {}],
    ['OK', 'the campaign begins now', { campaign: { startsAt: NOW, endsAt: NOW + 1 } }],
    ['OK', 'the publisher is approved', { campaign: { visibility: 'private', approvedPublishers: ['tia'] } }],
    ['OK', 'approval is not asked for', { campaign: { approvedPublishers: ['mia'] } }],
  ])('is %s where %s', (code, _, scene) => {
    expect(codeWith(scene)).toBe(code);
  });

  it('is that of the first rule that applies (invariant 10)', () => {
    // Each step mends what was wrong in the one before.
    const wrong: SceneOptions[] = [{ countedAt: 0 }, { isRobot: true }, { isPrefetch: true }, { isCapReached: true }];
    const terms: Partial<Campaign>[] = [
      { targeting: targeting({ sources: deny('Blog'), os: deny('ios') }) },
      { visibility: 'private' },
      { blockedPublishers: ['tia'] },
      { endsAt: NOW },
      { startsAt: NOW + 1 },
      { status: 'paused' },
    ];
    const all = Object.assign({}, ...wrong) as SceneOptions;
    const sceneOf = (count: number): SceneOptions => ({
      ...all,
      campaign: Object.assign({}, ...terms.slice(0, count)) as Partial<Campaign>,
    });
    expect([6, 5, 4, 3, 2, 1, 0].map((count) => codeWith(sceneOf(count)))).toEqual([
      'CAMPAIGN_PAUSED',
      'CAMPAIGN_SCHEDULED',
      'CAMPAIGN_ENDED',
      'PUBLISHER_BLOCKED',
      'PUBLISHER_NOT_APPROVED',
      'SOURCE_BLOCKED',
      'CAP_REACHED',
    ]);
    expect(codeWith({ ...all, campaign: { targeting: targeting({ os: deny('ios') }) } })).toBe('TARGETING');
    expect([3, 2, 1].map((count) => codeWith(Object.assign({}, ...wrong.slice(0, count)) as SceneOptions))).toEqual([
      'PREFETCH',
      'BOT',
      'DUPLICATE_CLICK',
    ]);
  });
});

describe('targeting', () => {
  it.each<[string, Partial<Targeting>]>([
    ['a country that is not allowed', { countries: allow('US', 'DE') }],
    ['a device that is denied', { devices: deny('mobile') }],
    ['a system that is not allowed', { os: allow('android') }],
    ['a browser that is denied', { browsers: deny('safari') }],
    ['a language that is not allowed', { languages: allow('en') }],
    ['a source that is not allowed', { sources: allow('blog') }],
    ['what is allowed and denied', { countries: { allow: ['AT'], deny: ['AT'] } }],
    ['one of two', { countries: allow('AT'), os: deny('ios') }],
  ])('refuses %s', (_, rules) => {
    expect(codeWith({ campaign: { targeting: targeting(rules) } })).toBe('TARGETING');
  });

  it.each<[string, Partial<Targeting>]>([
    ['what is allowed', { countries: allow('US', 'AT'), sources: allow('Blog') }],
    ['what is not denied', { countries: deny('US'), languages: deny('en'), sources: deny('blog') }],
    ['everything without lists, also with unknown: deny', { unknown: 'deny' }],
  ])('lets %s pass', (_, rules) => {
    expect(codeWith({ campaign: { targeting: targeting(rules) } })).toBe('OK');
  });

  it.each<[string, Partial<Targeting>]>([
    ['country', { countries: allow('AT') }],
    ['device', { devices: deny('mobile') }],
    ['system', { os: allow('ios') }],
    ['browser', { browsers: deny('chrome') }],
    ['language', { languages: allow('de') }],
    ['source', { sources: allow('Blog') }],
    ['source among denied ones', { sources: deny('Blog') }],
  ])('refuses an unknown %s only with unknown: deny', (_, rules) => {
    const withUnknown = (unknown: Targeting['unknown']) =>
      codeWith({ visit: unknownVisit, campaign: { targeting: targeting({ ...rules, unknown }) } });
    expect(withUnknown('deny')).toBe('TARGETING');
    expect(withUnknown('allow')).toBe('OK');
  });

  it('does not ask what it has no list for', () => {
    const rules = targeting({ countries: allow('AT'), unknown: 'deny' });
    expect(codeWith({ visit: { ...unknownVisit, country: 'AT' }, campaign: { targeting: rules } })).toBe('OK');
  });
});
