import { describe, expect, it } from 'vitest';

import type { Trail } from '../../../../cli/link/follow.ts';
import { trailAsJson, trailAsText } from '../../../../cli/link/report.ts';

const TRAIL: Trail = {
  hops: [
    {
      url: 'https://a.example/click?cid=abc&x=1',
      host: 'a.example',
      status: 302,
      ms: 12,
      location: 'https://b.example/?p1=abc',
      parameters: { kept: [], renamed: [{ from: 'cid', to: 'p1' }], replaced: [], lost: ['x'], added: [] },
    },
    { url: 'https://b.example/?p1=abc', host: 'b.example', status: 200, ms: 30, location: null, parameters: null },
  ],
  landedAt: 'https://b.example/?p1=abc',
  problems: [],
};

describe('trailAsText', () => {
  it('shows hops, what became of parameters, and the end', () => {
    expect(trailAsText(TRAIL, 80)).toBe(
      [
        'hop  status     ms  host',
        '  1  302        12  a.example',
        '       renamed   cid -> p1',
        '       lost      x',
        '  2  200        30  b.example',
        '',
        'Landed after 1 redirect in 42 ms:',
        '  https://b.example/?p1=abc',
      ].join('\n'),
    );
  });

  it.each([40, 80, 200])('keeps every line but the last URL within %d columns', (columns) => {
    const [hop] = TRAIL.hops;
    const names = Array.from({ length: 60 }, (_, i) => `parameter-${i}`).concat('n'.repeat(300));
    const text = trailAsText(
      {
        hops: [
          {
            ...hop,
            host: 'h'.repeat(250),
            parameters: { kept: names, renamed: [], replaced: [], lost: [], added: [] },
          },
        ],
        landedAt: null,
        problems: [{ hop: 1, code: 'NO_ANSWER', message: 'What to do. '.repeat(30) }],
      } as Trail,
      columns,
    );

    expect(text.split('\n').filter((line) => line.length > columns)).toEqual([]);
    expect(text).toContain('parameter-59');
  });

  it('lets no hop write to the terminal what a terminal obeys', () => {
    const [hop] = TRAIL.hops;
    const hostile = '\u001B[2J\u009B1m\u202E\r\n';
    const text = trailAsText(
      {
        hops: [{ ...hop, parameters: { kept: [hostile], renamed: [], replaced: [], lost: [], added: [] } }],
        landedAt: null,
        problems: [{ hop: 1, code: 'BAD_LOCATION', message: `Not a URL (${hostile}).` }],
      } as Trail,
      80,
    );

    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(text.split('\n')).toHaveLength(8);
  });
});

describe('trailAsJson', () => {
  it('is one object whose ok says whether anything is wrong', () => {
    expect(JSON.parse(trailAsJson(TRAIL))).toMatchObject({
      ok: true,
      landed_at: 'https://b.example/?p1=abc',
      ms: 42,
      hops: [
        { number: 1, status: 302 },
        { number: 2, status: 200 },
      ],
      problems: [],
    });
    const problems = [{ hop: 1, code: 'LOOP', message: '' }] as const;
    expect(JSON.parse(trailAsJson({ ...TRAIL, problems }))).toMatchObject({ ok: false });
  });
});
