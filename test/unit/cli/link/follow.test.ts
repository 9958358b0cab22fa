import { describe, expect, it } from 'vitest';

import { followLink, MOST_HOPS } from '../../../../cli/link/follow.ts';
import type { Answer } from '../../../../cli/link/follow.ts';

const START = 'https://a.example/click?cid=abc';

/** Follows `START` through answers by URL; what is not listed answers nothing. Each answer takes 7 ms. */
function follow(answers: Readonly<Record<string, Answer | string>>, start = START) {
  let clock = 0;
  return followLink(new URL(start), {
    now: () => clock,
    ask: async ({ href }) => {
      clock += 7;
      const answer = answers[href];
      if (answer === undefined) throw new Error('ENOTFOUND');
      return typeof answer === 'string' ? { status: 302, location: answer } : answer;
    },
  });
}

const landing: Answer = { status: 200, location: null };

describe('followLink', () => {
  it.each<[string, Answer | string, string, number]>([
    ['no answer', 'https://gone.example/', 'NO_ANSWER', 2],
    ['an error', { status: 404, location: null }, 'HTTP_ERROR', 1],
    ['a status that no browser follows', { status: 300, location: 'https://b.example/' }, 'HTTP_ERROR', 1],
    ['a redirect to nowhere', { status: 302, location: null }, 'NO_LOCATION', 1],
    ['an empty Location', { status: 302, location: '' }, 'NO_LOCATION', 1],
    ['a Location that is no URL', 'https://', 'BAD_LOCATION', 1],
    ['a circle', START, 'LOOP', 1],
    ['a circle that only a fragment hides', `${START}#x`, 'LOOP', 1],
  ])('says that the visitor lands nowhere after %s', async (_, answer, code, hop) => {
    const trail = await follow({ [START]: answer });

    expect(trail.landedAt).toBeNull();
    expect(trail.problems).toMatchObject([{ hop, code }]);
  });

  it(`gives up after ${MOST_HOPS} redirects that lead ever further`, async () => {
    const asked: string[] = [];
    const trail = await followLink(new URL(START), {
      now: () => 0,
      ask: async ({ href }) => ({ status: 302, location: `/${asked.push(href)}` }),
    });

    expect(asked).toHaveLength(MOST_HOPS);
    expect(trail).toMatchObject({ landedAt: null, problems: [{ hop: MOST_HOPS, code: 'TOO_MANY_HOPS' }] });
  });

  it('says where https ends, and goes on', async () => {
    const trail = await follow({ [START]: 'http://b.example/', 'http://b.example/': landing });

    expect(trail).toMatchObject({ landedAt: 'http://b.example/', problems: [{ hop: 1, code: 'DOWNGRADE' }] });
  });

  it('blames a macro on the hop that first sends it on', async () => {
    const trail = await follow({
      [START]: 'https://b.example/?p1={sub}',
      'https://b.example/?p1={sub}': 'https://c.example/?p2={sub}',
      'https://c.example/?p2={sub}': landing,
    });

    expect(trail.problems).toMatchObject([{ hop: 1, code: 'UNEXPANDED_MACRO' }]);
    expect(trail.problems[0]?.message).toContain('{sub}');
  });

  it('blames placeholders of the link on the link', async () => {
    const trail = await follow({ 'https://a.example/?p1={p1}': landing }, 'https://a.example/?p1={p1}');

    expect(trail.problems).toMatchObject([{ hop: 0, code: 'UNEXPANDED_MACRO' }]);
  });

  it('tells each hop with what it took and what it passed on', async () => {
    const trail = await follow({ [START]: '../land?p1=abc#top', 'https://a.example/land?p1=abc#top': landing });

    expect(trail.problems).toEqual([]);
    expect(trail.landedAt).toBe('https://a.example/land?p1=abc#top');
    expect(trail.hops).toEqual([
      {
        url: START,
        host: 'a.example',
        status: 302,
        ms: 7,
        location: 'https://a.example/land?p1=abc#top',
        parameters: { kept: [], renamed: [{ from: 'cid', to: 'p1' }], replaced: [], lost: [], added: [] },
      },
      {
        url: 'https://a.example/land?p1=abc#top',
        host: 'a.example',
        status: 200,
        ms: 7,
        location: null,
        parameters: null,
      },
    ]);
  });

  it('takes an app of the visitor for an end that it does not ask', async () => {
    const trail = await follow({ [START]: 'market://details?id=app' });

    expect(trail).toMatchObject({ landedAt: 'market://details?id=app', problems: [] });
    expect(trail.hops).toHaveLength(1);
  });
});
