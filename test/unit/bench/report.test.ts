import { describe, expect, it } from 'vitest';
import { figure, isMet, renderReport, replaceSection } from '../../../bench/report.ts';
import type { Demand } from '../../../bench/report.ts';

const demand = (overrides: Partial<Demand>): Demand => ({
  what: 'the start',
  value: 12,
  rule: 'at most',
  limit: 12,
  unit: 'ms',
  ...overrides,
});

describe('a demand', () => {
  it.each([
    ['is missed above its limit', { value: 12.01 }, false],
    ['is missed by no number', { value: NaN }, false],
    ['is missed below an exact one', { rule: 'exactly', value: 11 }, false],
    ['is met at its limit', {}, true],
    ['is met below its limit', { value: 3 }, true],
  ] as const)('%s', (_, overrides, met) => {
    expect(isMet(demand(overrides))).toBe(met);
  });
});

describe('a report', () => {
  const report = {
    name: 'click',
    demands: [demand({ value: 14.31 })],
    tables: [{ title: 'Times:', columns: ['what', 'ms'], rows: [['a', 1.5] as const, ['bcd', 1234.5] as const] }],
    notes: ['Mind the rest.'],
  };

  it('says what was demanded, whether it was met, when and where', () => {
    const text = renderReport(report, new Date('2026-11-22T23:00:00Z'));
    expect(text).toMatch(/^## npm run bench -- click\n\n2026-11-22, .+ cores, Node\.js \d+/);
    expect(text).toContain('| the start | 14.3 ms | at most 12 ms | **missed** |');
  });

  it('aligns its tables and numbers', () => {
    expect(renderReport(report, new Date(0))).toContain(
      ['Times:', '', '| what |    ms |', '| ---- | ----: |', '| a    |  1.50 |', '| bcd  | 1,235 |'].join('\n'),
    );
  });

  it.each([
    [0, '0'],
    [0.0266, '0.027'],
    [1.756, '1.76'],
    [30.26, '30.3'],
    [1_024, '1,024'],
    [1_106.6, '1,107'],
  ])('shows %d as %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });
});

describe('a section of the page', () => {
  const page = '# Performance\n\nAbout.\n\n## a\n\nold\n\n## b\n\nkept\n';

  it('takes the place of the one with its heading', () => {
    expect(replaceSection(page, '## a\n\nnew\n')).toBe('# Performance\n\nAbout.\n\n## a\n\nnew\n\n## b\n\nkept\n');
    expect(replaceSection(page, '## b\n\nnew\n')).toBe('# Performance\n\nAbout.\n\n## a\n\nold\n\n## b\n\nnew\n');
  });

  it('goes to the end if there is none', () => {
    expect(replaceSection(page, '## c\n\nnew\n')).toBe(`${page}\n## c\n\nnew\n`);
  });
});
