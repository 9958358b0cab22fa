import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isOver, periodEnd, periodStart } from '../../../lambdas/core/periods.ts';
import type { CapPeriod } from '../../../lambdas/core/entities.ts';

const HOUR = 60 * 60 * 1_000;
const at = (text: string) => Date.parse(text);
const startOf = (period: CapPeriod, zone: string, text: string) => new Date(periodStart(period, zone, at(text)));

describe('the beginning of a period', () => {
  it.each<[CapPeriod, string, string, string]>([
    ['total', 'Europe/Vienna', '2026-11-23T12:34:56.789Z', '1970-01-01T00:00:00Z'],
    ['hour', 'UTC', '2026-11-23T12:34:56.789Z', '2026-11-23T12:00:00Z'],
    ['day', 'UTC', '2026-11-23T23:59:59.999Z', '2026-11-23T00:00:00Z'],
    ['week', 'UTC', '2026-11-29T23:59:59.999Z', '2026-11-23T00:00:00Z'],
    ['week', 'UTC', '2026-11-23T00:00:00Z', '2026-11-23T00:00:00Z'],
    ['month', 'UTC', '2026-11-30T23:59:59.999Z', '2026-11-01T00:00:00Z'],
    ['day', 'America/New_York', '2026-11-23T04:59:59Z', '2026-11-22T05:00:00Z'],
    ['month', 'Pacific/Kiritimati', '2026-10-31T10:30:00Z', '2026-10-31T10:00:00Z'],
    ['day', 'Pacific/Pago_Pago', '2026-11-01T10:59:00Z', '2026-10-31T11:00:00Z'],
    // Offsets that are no whole hours.
    ['hour', 'Asia/Kathmandu', '2026-11-23T18:00:00Z', '2026-11-23T17:15:00Z'],
    ['day', 'Asia/Kolkata', '2026-11-23T18:29:59Z', '2026-11-22T18:30:00Z'],
  ])('%s in %s at %s is %s', (period, zone, now, start) => {
    expect(startOf(period, zone, now)).toEqual(new Date(start));
  });

  it.each<[string, CapPeriod, string, string, string]>([
    [
      'the 23-hour day begins at midnight in winter time',
      'day',
      'Europe/Vienna',
      '2026-03-29T21:59:59Z',
      '2026-03-28T23:00Z',
    ],
    [
      'the day after it begins at midnight in summer time',
      'day',
      'Europe/Vienna',
      '2026-03-29T22:00:00Z',
      '2026-03-29T22:00Z',
    ],
    [
      'the 25-hour day begins at midnight in summer time',
      'day',
      'Europe/Vienna',
      '2026-10-25T22:59:59Z',
      '2026-10-24T22:00Z',
    ],
    [
      'the day after it begins at midnight in winter time',
      'day',
      'Europe/Vienna',
      '2026-10-25T23:00:00Z',
      '2026-10-25T23:00Z',
    ],
    [
      'the week that ends with a change has 167 hours',
      'week',
      'Europe/Vienna',
      '2026-03-29T21:59:59Z',
      '2026-03-22T23:00Z',
    ],
    ['the month with a change begins before it', 'month', 'Europe/Vienna', '2026-10-31T22:59:59Z', '2026-09-30T22:00Z'],
    [
      'an hour that the clock shows twice is two: the first',
      'hour',
      'Europe/Vienna',
      '2026-10-25T00:59:59Z',
      '2026-10-25T00:00Z',
    ],
    [
      'an hour that the clock shows twice is two: the second',
      'hour',
      'Europe/Vienna',
      '2026-10-25T01:00:00Z',
      '2026-10-25T01:00Z',
    ],
    [
      'the hour after a skipped one begins at the change',
      'hour',
      'Europe/Vienna',
      '2026-03-29T01:30:00Z',
      '2026-03-29T01:00Z',
    ],
    [
      'a day whose midnight is skipped begins at one',
      'day',
      'Asia/Beirut',
      '2026-03-29T10:00:00Z',
      '2026-03-28T22:00Z',
    ],
    ['the same in the west', 'day', 'America/Havana', '2026-03-08T10:00:00Z', '2026-03-08T05:00Z'],
    [
      'a change of half an hour splits its hour',
      'hour',
      'Australia/Lord_Howe',
      '2026-10-03T15:40:00Z',
      '2026-10-03T15:30Z',
    ],
    ['a change on the first of a month', 'month', 'America/New_York', '2026-11-30T12:00:00Z', '2026-11-01T04:00Z'],
    ['a change on the day itself', 'day', 'America/New_York', '2026-11-02T04:59:59Z', '2026-11-01T04:00Z'],
  ])('%s', (_, period, zone, now, start) => {
    expect(startOf(period, zone, now)).toEqual(new Date(start));
  });

  it.each<[string, string, string, number]>([
    ['Europe/Vienna', '2026-03-29T12:00Z', '2026-03-30T12:00Z', 23],
    ['Europe/Vienna', '2026-10-25T12:00Z', '2026-10-26T12:00Z', 25],
    ['America/New_York', '2026-03-08T18:00Z', '2026-03-09T18:00Z', 23],
    ['America/New_York', '2026-11-01T18:00Z', '2026-11-02T18:00Z', 25],
    ['Australia/Lord_Howe', '2026-10-04T02:00Z', '2026-10-05T02:00Z', 23.5],
  ])('a day in %s that begins before %s and ends before %s has %d hours', (zone, first, next, hours) => {
    expect(periodStart('day', zone, at(next)) - periodStart('day', zone, at(first))).toBe(hours * HOUR);
  });

  it('is the same for every instant of its period, whatever was asked before', () => {
    const zones = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Beirut'];
    const periods: CapPeriod[] = ['hour', 'day', 'week', 'month'];
    const instants = fc.integer({ min: at('2026-01-01'), max: at('2028-01-01') });
    fc.assert(
      fc.property(fc.constantFrom(...periods), fc.constantFrom(...zones), instants, (period, zone, now) => {
        const start = periodStart(period, zone, now);
        expect(start).toBeLessThanOrEqual(now);
        expect(periodStart(period, zone, start)).toBe(start);
        expect(periodStart(period, zone, start - 1)).toBeLessThan(start);
      }),
    );
  });
});

describe('the end of a period', () => {
  it.each<[CapPeriod, string, string, string]>([
    ['hour', 'UTC', '2026-11-23T12:34:56.789Z', '2026-11-23T13:00:00Z'],
    ['hour', 'Europe/Vienna', '2026-10-25T00:30:00Z', '2026-10-25T01:00:00Z'],
    ['hour', 'Australia/Lord_Howe', '2026-10-03T15:10:00Z', '2026-10-03T15:30:00Z'],
    ['day', 'Europe/Vienna', '2026-03-29T12:00:00Z', '2026-03-29T22:00:00Z'],
    ['day', 'Europe/Vienna', '2026-10-25T12:00:00Z', '2026-10-25T23:00:00Z'],
    ['week', 'Europe/Vienna', '2026-03-29T12:00:00Z', '2026-03-29T22:00:00Z'],
    ['month', 'UTC', '2027-02-10T00:00:00Z', '2027-03-01T00:00:00Z'],
    ['month', 'Europe/Vienna', '2026-10-10T00:00:00Z', '2026-10-31T23:00:00Z'],
  ])('%s in %s at %s ends at %s', (period, zone, now, end) => {
    expect(periodEnd(period, zone, periodStart(period, zone, at(now)))).toBe(at(end));
  });

  it('is the beginning of the next one, and none of all time', () => {
    const zones = ['UTC', 'Europe/Vienna', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Asia/Beirut'];
    const instants = fc.integer({ min: at('2026-01-01'), max: at('2028-01-01') });
    fc.assert(
      fc.property(
        fc.constantFrom<CapPeriod>('hour', 'day', 'week', 'month'),
        fc.constantFrom(...zones),
        instants,
        (period, zone, now) => {
          const start = periodStart(period, zone, now);
          const end = periodEnd(period, zone, start) ?? 0;
          expect(end).toBeGreaterThan(now);
          expect(periodStart(period, zone, end)).toBe(end);
          expect(periodStart(period, zone, end - 1)).toBe(start);
        },
      ),
    );
    expect(periodEnd('total', 'UTC', 0)).toBeNull();
  });
});

describe('a period that is over', () => {
  it.each<[CapPeriod, string, boolean]>([
    ['total', '2126-01-01T00:00Z', false],
    ['day', '2026-03-30T00:59Z', false],
    ['day', '2026-03-30T01:00Z', true],
    ['hour', '2026-03-29T01:59Z', false],
    ['hour', '2026-03-29T02:00Z', true],
  ])('%s that began at midnight of March 29, at %s: %s', (period, now, over) => {
    expect(isOver(period, at('2026-03-29T00:00Z'), at(now), 0)).toBe(over);
  });

  it('is not over as long as the grace lasts', () => {
    expect(isOver('hour', 0, 4 * HOUR, 3 * HOUR)).toBe(false);
    expect(isOver('hour', 0, 5 * HOUR, 3 * HOUR)).toBe(true);
  });
});
