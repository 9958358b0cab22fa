import { describe, expect, it } from 'vitest';
import { findLostMessages } from '../../../tools/lost-messages.ts';

const MESSAGE = JSON.stringify({ click: { id: { S: 'a' }, p1: { S: '}{"\\\n,""x\u2028' } }, claims: null });
const line = (spooled = MESSAGE) =>
  JSON.stringify({ level: 'error', event: 'click_not_stored', click_id: 'a', error: '', error_message: '}"', spooled });
const OTHER = '{"level":"warn","event":"catalog_stale","error":"}"}';
const findLostClicks = (text: string) => findLostMessages(text, 'click_not_stored');
const csv = (field: string) => `"${field.replaceAll('"', '""')}"`;

describe('the search for clicks that are only in the log', () => {
  it.each([
    ['nothing', ''],
    ['other lines', `${OTHER}\nSTART RequestId: 1\n${OTHER}`],
    ['other JSON', JSON.stringify({ events: [{ message: OTHER }] })],
  ])('finds none in %s', (_, text) => {
    expect(findLostClicks(text)).toEqual({ messages: new Set(), unreadable: 0 });
  });

  it.each([
    ['a line that was cut off', line().slice(0, -10)],
    ['a line without its message', line().replace('"spooled"', '"item"')],
    ['a table that has the name of the event only', JSON.stringify([[{ field: 'event', value: 'click_not_stored' }]])],
  ])('says that it cannot read %s', (_, text) => {
    expect(findLostClicks(`${text}\n${text}`).unreadable).toBe(2);
    expect(findLostClicks(`${line()}\n${text}`)).toEqual({ messages: new Set([MESSAGE]), unreadable: 1 });
  });

  it.each([
    ['a line as it was written', line()],
    ['lines among others', `${OTHER}\n${line()}\nREPORT RequestId: 1 Duration: 2 ms\n`],
    ['a line after a time stamp', `2026-11-22T23:00:00.000Z\t${line()}`],
    ['a line with something behind it', `1764000000000 ${line()} {stream}`],
    [
      'the JSON of filter-log-events',
      JSON.stringify({ events: [{ message: `${OTHER}\n` }, { message: `${line()}\n` }] }),
    ],
    ['the same, over several lines', JSON.stringify({ events: [{ message: `${line()}\n` }] }, null, 4)],
    ['the JSON of get-query-results', JSON.stringify({ results: [[{ field: '@message', value: line() }]] })],
    ['a JSON export of Logs Insights', JSON.stringify([{ '@message': JSON.parse(line()) as object }])],
    ['a CSV export of Logs Insights', `@timestamp,@message\n2026-11-22 23:00:00.000,${csv(line())}\n`],
    ['the same line twice', `${line()}\n${line()}`],
  ])('finds the message in %s', (_, text) => {
    expect(findLostClicks(text)).toEqual({ messages: new Set([MESSAGE]), unreadable: 0 });
  });

  it('finds what pixels reported likewise, and apart', () => {
    const pixel = line('{"id":"a"}').replace('click_not_stored', 'pixel_not_stored');
    expect(findLostMessages(`${line()}\n${pixel}`, 'pixel_not_stored')).toEqual({
      messages: new Set(['{"id":"a"}']),
      unreadable: 0,
    });
    expect(findLostClicks(pixel).messages.size).toBe(0);
  });

  it('finds all messages of many lines', () => {
    const lines = Array.from({ length: 100 }, (_, i) => line(`{"click":${i}}`));
    expect(findLostClicks(lines.join('\n')).messages.size).toBe(100);
    expect(findLostClicks(lines.map((text) => `0,${csv(text)}`).join('\n')).messages.size).toBe(100);
    // As `--query 'events[].message' --output text` prints them.
    expect(findLostClicks(lines.join('\t')).messages.size).toBe(100);
    expect(findLostClicks(`${lines.join('\t')}\t${line().slice(0, -10)}`).unreadable).toBe(1);
  });
});
