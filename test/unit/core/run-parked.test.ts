import { describe, expect, it } from 'vitest';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ParkedConversion } from '../../../lambdas/core/ports.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { sweepParked } from '../../../lambdas/core/sweep.ts';
import { aNetwork, aSender, TOKEN } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** A conversion that came before its click was stored. */
const park = async (parameters: Record<string, string> = {}) => {
  const network = aNetwork();
  const click_id = network.mint();
  const answer = await network.call({ click_id, txn_id: 'T1', ...parameters });
  expect(answer).toMatchObject({ status: 202, body: { result: 'parked', code: 'CLICK_PENDING' } });
  return { network, click_id };
};
const due = async (network: Network): Promise<readonly ParkedConversion[]> =>
  network.store.dueParked(network.deps.now(), 10);
const runAll = async (network: Network) => {
  const codes = [];
  for (const row of await due(network)) codes.push(await runParked(row, network.deps));
  return codes;
};
const hits = ({ hits: { rows } }: Network) => [...rows.values()];

describe('a conversion that comes before its click', () => {
  it('is not answered before it is parked', async () => {
    const network = aNetwork();
    network.store.park = async () => {
      throw new StorageUnavailable('down');
    };
    await expect(network.call({ click_id: network.mint() })).rejects.toThrow(StorageUnavailable);
    expect(hits(network)).toEqual([]);
  });

  it('waits for it, and keeps no token meanwhile', async () => {
    const { network, click_id } = await park();
    expect(await due(network)).toEqual([]);
    network.advance(MINUTE);
    const [row] = await due(network);
    expect(row).toMatchObject({ clickId: click_id });
    expect(JSON.stringify(row)).not.toContain(TOKEN);
    expect(await runAll(network)).toEqual(['CLICK_PENDING']);
    expect(await due(network)).toEqual([]);
    network.advance(2 * 60 * MINUTE);
    expect(await runAll(network)).toEqual(['CLICK_PENDING']);
  });

  it('is recorded as of its receipt when the click is there, and its hit tells', async () => {
    const { network, click_id } = await park();
    const receivedAt = network.deps.now();
    network.advance(40 * DAY);
    await network.click({ id: click_id, createdAt: receivedAt - MINUTE });
    expect(await runAll(network)).toEqual(['OK']);
    const [conversion] = network.store.conversions.values();
    expect(conversion).toMatchObject({ code: 'OK', createdAt: receivedAt, txnId: 'T1' });
    expect(hits(network)).toMatchObject([{ code: 'OK', status: 200, conversionId: conversion?.id, at: receivedAt }]);
    network.advance(DAY);
    expect(await due(network)).toEqual([]);
  });

  it('ends as CLICK_NOT_RECEIVED when the retention does', async () => {
    const { network } = await park();
    network.advance(180 * DAY);
    expect(await runAll(network)).toEqual(['CLICK_NOT_RECEIVED']);
    expect(hits(network)).toMatchObject([{ code: 'CLICK_NOT_RECEIVED', status: 422 }]);
    network.advance(DAY);
    expect(await due(network)).toEqual([]);
  });

  it("ends with the code of its refusal when the click is none of the sender's", async () => {
    const { network, click_id } = await park();
    network.advance(MINUTE);
    await network.click({ id: click_id, advertiserId: 'other' });
    expect(await runAll(network)).toEqual(['INVALID_SECURITY_TOKEN']);
    expect(hits(network)).toMatchObject([{ code: 'INVALID_SECURITY_TOKEN' }]);
  });

  it('is recorded although the token was revoked and the address list changed meanwhile', async () => {
    const { network, click_id } = await park();
    network.catalog.senders.set('xyz', aSender({ tokens: [], ipAllowList: ['::1'] }));
    network.advance(MINUTE);
    await network.click({ id: click_id });
    expect(await runAll(network)).toEqual(['OK']);
  });

  it('is one conversion with the same id if its run crashes after the commit', async () => {
    const { network, click_id } = await park();
    network.advance(MINUTE);
    await network.click({ id: click_id });
    network.hits.down = true;
    await expect(runAll(network)).rejects.toThrow(StorageUnavailable);
    network.hits.down = false;
    network.advance(60 * MINUTE);
    expect(await runAll(network)).toEqual(['OK']);
    expect(network.store.conversions.size).toBe(1);
  });

  it('is run by one of two sweepers', async () => {
    const { network, click_id } = await park();
    network.advance(MINUTE);
    await network.click({ id: click_id });
    const rows = await due(network);
    const codes = await Promise.all([...rows, ...rows].map((row) => runParked(row, network.deps)));
    expect(codes.filter((code) => code !== null)).toEqual(['OK']);
  });

  it('is recorded before what was said of it later, although that is looked at more often', async () => {
    const { network, click_id } = await park();
    for (let look = 0; look < 6; look++) {
      network.advance(10 * MINUTE);
      await runAll(network);
    }
    await network.call({ click_id, txn_id: 'T1', action: 'change', sale_amount: '20' });
    network.advance(MINUTE);
    await network.click({ id: click_id });
    expect(await runAll(network)).toEqual(['CLICK_PENDING']);
    network.advance(60 * MINUTE);
    const run = async (row: ParkedConversion) => codes.push(await runParked(row, network.deps));
    const codes: unknown[] = [];
    await sweepParked({ ...network.deps, runParked: run }, Infinity);
    expect(codes).toEqual(['OK', 'AMOUNT_CHANGED']);
  });

  it('many times is recorded once', async () => {
    const { network, click_id } = await park();
    await network.call({ click_id, txn_id: 'T1' });
    network.advance(MINUTE);
    await network.click({ id: click_id });
    expect(await runAll(network)).toEqual(['OK', 'DUPLICATE_CONVERSION']);
  });

  it('is recorded although it was parked before calls said what they pay', async () => {
    const { network, click_id } = await park();
    network.advance(MINUTE);
    await network.click({ id: click_id });
    for (const row of await due(network)) {
      const later = new Set(['payout', 'revenue', 'campaignId', 'attribution', 'by']);
      const request = JSON.stringify(JSON.parse(row.request), (key, value: unknown) =>
        later.has(key) ? undefined : value,
      );
      await network.store.park({ ...row, request });
    }
    expect(await runAll(network)).toEqual(['OK']);
    expect(network.store.history).toMatchObject([{ by: 'sender:xyz' }]);
  });
});
