import { describe, expect, it } from 'vitest';

import { failedIds } from '../../../../local/event-sources/failed-ids.ts';

const IDS = ['a', 'b'];

describe('failedIds', () => {
  it.each([
    ['null', []],
    ['""', []],
    ['{}', []],
    ['{"batchItemFailures":null}', []],
    ['{"batchItemFailures":[]}', []],
    ['{"batchItemFailures":[{"itemIdentifier":"b"}]}', ['b']],
  ])('reads %s', (payload, expected) => {
    expect([...(failedIds(payload, IDS) ?? ['all'])]).toEqual(expected);
  });

  it.each([
    ['not JSON'],
    ['[]'],
    ['true'],
    ['{"batchItemFailures":{}}'],
    ['{"batchItemFailures":[{"itemIdentifier":""}]}'],
    ['{"batchItemFailures":[{"itemIdentifier":"other"}]}'],
    ['{"batchItemFailures":[{"id":"a"}]}'],
  ])('takes the whole batch as failed for %s', (payload) => {
    expect(failedIds(payload, IDS)).toBeUndefined();
  });
});
