import { describe, expect, it } from 'vitest';
import type { Hit } from '../../../lambdas/core/hit.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { PARAMETER_NAMES } from '../../../lambdas/core/postback-request.ts';
import type { ConversionCode } from '../../../lambdas/core/reasons.ts';
import { judgePixel } from '../../../lambdas/core/receive-pixel.ts';
import { REDACTED } from '../../../lambdas/core/redact.ts';
import { retryHit } from '../../../lambdas/core/retry-hit.ts';
import type { Retry } from '../../../lambdas/core/retry-hit.ts';
import { runParked } from '../../../lambdas/core/run-parked.ts';
import { aHit, aNetwork, aSender } from '../../support/conversions.ts';
import type { Network } from '../../support/conversions.ts';
import { NOON } from '../../support/deliveries.ts';
import { aCampaign, aGoal, aPublisher } from '../../support/entities.ts';
import { aPixel } from '../../support/pixels.ts';

const DAY = 24 * 60 * 60 * 1_000;

/** Tries the only hit again. */
const retry = (network: Network, given: Partial<Retry> = {}) =>
  retryHit(
    onlyHit(network).id,
    { corrected: {}, senderId: null, attribution: null, by: 'key:k1', ...given },
    { ...network.deps, hits: network.hits },
  );

const onlyHit = ({ hits }: Network): Hit => {
  const [hit, ...more] = hits.rows.values();
  if (hit === undefined || more.length > 0) throw new Error(`${hits.rows.size} hits`);
  return hit;
};

const addLead = ({ catalog }: Network) =>
  catalog.campaigns.set('summer', aCampaign({ goals: [aGoal(), aGoal({ id: 'lead', default: false })] }));

/** A network whose only hit is a sale with a goal that the campaign does not know. */
const withRefusal = async (call: Record<string, string> = {}) => {
  const network = aNetwork();
  const click_id = await network.click();
  const { body } = await network.call({ click_id, txn_id: 'T1', goal: 'lead', ...call });
  expect(body['result']).toBe('rejected');
  return { ...network, clickId: click_id };
};

describe('a call that was refused', () => {
  it("is recorded once its cause is gone, as of the time when it came, by the operator's word (invariant 3)", async () => {
    const network = await withRefusal();
    addLead(network);
    network.advance(2 * DAY);

    const retried = await retry(network);

    const hit = onlyHit(network);
    expect(retried).toMatchObject({ kind: 'done', hit, outcome: { code: 'OK' } });
    expect(hit).toMatchObject({ code: 'OK', status: 200, conversionId: hit.id, advertiserId: 'xyz' });
    expect(hit.retries).toEqual([{ at: NOON + 2 * DAY, by: 'key:k1', was: 'UNKNOWN_GOAL', code: 'OK' }]);
    expect(network.store.conversions.get(hit.id)).toMatchObject({ goal: 'lead', createdAt: NOON, txnId: 'T1' });
    expect(network.store.history).toMatchObject([{ by: 'key:k1' }]);
    expect(network.hints.sent).toHaveLength(1);
  });

  it('keeps what the operator said of it, without tokens and whole addresses (invariant 12)', async () => {
    const network = await withRefusal();
    const corrected = { goal: 'none', txn_id: null, ip: '203.0.113.77', click_id: 'token-that-somebody-pasted' };

    await retry(network, { corrected });

    expect(onlyHit(network).retries).toEqual([
      {
        ...{ at: NOON, by: 'key:k1', was: 'UNKNOWN_GOAL', code: 'INVALID_CLICK_ID' },
        corrected: [
          ['goal', 'none'],
          ['txn_id', ''],
          ['ip', '203.0.113.0'],
          ['click_id', REDACTED],
        ],
      },
    ]);
  });

  it('forgets what was said long ago, but never that somebody tried', async () => {
    const network = await withRefusal();

    for (let i = 1; i <= 12; i++) await retry(network, { corrected: { goal: `goal-${i}` } });

    const { retries = [] } = onlyHit(network);
    expect(retries.map(({ corrected }) => corrected?.[0]?.[1])).toEqual([
      ...Array.from({ length: 7 }, () => undefined),
      ...Array.from({ length: 5 }, (_, i) => `goal-${i + 8}`),
    ]);
  });

  it('is no larger than a row may be, whatever is said of it and however often', async () => {
    const wide = '\u4e2d'.repeat(2_048);
    const network = await withRefusal(Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`x${i}`, wide])));
    const corrected = Object.fromEntries(PARAMETER_NAMES.map((name) => [name, wide]));

    for (let i = 1; i <= 12; i++) await retry(network, { corrected });

    // A parked call is a row with its hit in it.
    expect(Buffer.byteLength(JSON.stringify(onlyHit(network)))).toBeLessThan(350_000);
  });

  it.each<[why: string, call: Record<string, string>, given: Partial<Retry>, code: ConversionCode]>([
    ['as it was, it is refused as it was', {}, {}, 'UNKNOWN_GOAL'],
    ['with another goal', {}, { corrected: { goal: 'sale' } }, 'OK'],
    ['without its goal', {}, { corrected: { goal: null } }, 'OK'],
    ['with a wrong click id', {}, { corrected: { click_id: 'x'.repeat(32) } }, 'INVALID_CLICK_ID'],
    ['with a wrong status', {}, { corrected: { status: 'maybe' } }, 'INVALID_STATUS'],
    ['with a text that looks like a list', { sub1: '[1, 2]' }, { corrected: { goal: 'sale' } }, 'OK'],
    ['by a sender that has nothing to do with it', {}, { senderId: 'other' }, 'INVALID_SECURITY_TOKEN'],
    [
      'without its token, which nobody asks for',
      { security_token: 'wrong-token-0123456789' },
      { corrected: { goal: 'sale' }, senderId: 'xyz' },
      'OK',
    ],
  ])('is judged anew: %s', async (_why, call, given, code) => {
    const network = await withRefusal(call);
    network.catalog.senders.set('other', aSender({ id: 'other', advertiserIds: ['nike'], tokens: [] }));

    expect(await retry(network, given)).toMatchObject({ kind: 'done', outcome: { code } });

    expect(onlyHit(network)).toMatchObject({ code, retries: [{ code }] });
    expect(network.store.conversions.size).toBe(code === 'OK' ? 1 : 0);
  });

  it('is read by the words and names of the sender that is named', async () => {
    const network = aNetwork();
    const cid = await network.click();
    network.catalog.senders.set(
      'mmp',
      aSender({
        id: 'mmp',
        advertiserIds: 'all',
        tokens: [],
        parameters: { click_id: ['cid'] },
        statusMap: { won: 'approved' },
      }),
    );
    await network.call({ cid, txn_id: 'T1', status: 'won', security_token: '' });
    expect(onlyHit(network)).toMatchObject({ senderId: null });

    expect(await retry(network, { senderId: 'mmp' })).toMatchObject({
      outcome: { code: 'OK', conversion: { status: 'approved' } },
    });
    expect(onlyHit(network)).toMatchObject({ senderId: 'mmp', clickId: cid });
  });

  it("stays among its advertiser's, also if a try never comes so far as to find out whose it is", async () => {
    const network = await withRefusal();

    await retry(network, { corrected: { status: 'maybe' } });

    expect(onlyHit(network)).toMatchObject({ code: 'INVALID_STATUS', advertiserId: 'xyz' });
  });

  it('keeps each try of it', async () => {
    const network = await withRefusal();
    await retry(network);
    await retry(network, { corrected: { goal: 'sale' } });

    expect(onlyHit(network).retries).toMatchObject([{ was: 'UNKNOWN_GOAL', code: 'UNKNOWN_GOAL' }, { code: 'OK' }]);
  });

  it('says what is wrong with a retry, and is not judged', async () => {
    const network = await withRefusal({ security_token: 'wrong-token-0123456789' });

    const unknown = [{ field: 'sender_id', code: 'REQUIRED' }];
    expect(await retry(network)).toMatchObject({ kind: 'wrong', errors: unknown });
    const missing = [{ field: 'sender_id', code: 'NOT_FOUND' }];
    expect(await retry(network, { senderId: 'nobody' })).toMatchObject({ kind: 'wrong', errors: missing });
    const attribution = { campaignId: 'nope', publisherId: 'nobody' };
    const nowhere = [{ field: 'campaign_id' }, { field: 'pub_id' }];
    expect(await retry(network, { senderId: 'xyz', attribution })).toMatchObject({ kind: 'wrong', errors: nowhere });
    expect(onlyHit(network).retries).toBeUndefined();
  });

  it('is not recorded with what was hidden in it (invariant 12)', async () => {
    const network = await withRefusal();
    const hit = {
      ...onlyHit(network),
      query: [
        ['click_id', network.clickId],
        ['txn_id', '[redacted]'],
      ] as const,
    };
    network.hits.rows.set(hit.id, hit);

    expect(await retry(network)).toMatchObject({ kind: 'wrong', errors: [{ field: 'txn_id', code: 'REQUIRED' }] });
    expect(await retry(network, { corrected: { txn_id: 'T1' } })).toMatchObject({ outcome: { code: 'OK' } });
  });

  it('is what a hit is that nobody made a conversion of', async () => {
    const network = aNetwork();
    const deps = { ...network.deps, hits: network.hits };
    const all: Retry = { corrected: {}, senderId: null, attribution: null, by: 'key:k1' };

    expect(await retryHit('a'.repeat(24), all, deps)).toEqual({ kind: 'missing' });
    for (const code of [
      'OK',
      'DUPLICATE_CONVERSION',
      'STATUS_CHANGED',
      'CLICK_PENDING',
      'OVER_CAP',
      'STATUS_REMEMBERED',
    ]) {
      network.hits.rows.set('h', aHit({ id: 'h', code }));
      expect(await retryHit('h', all, deps)).toMatchObject({ kind: 'not_rejected', hit: { code } });
    }
    network.hits.rows.set('h', aHit({ id: 'h', code: 'UNKNOWN_GOAL', conversionId: 'c' }));
    expect(await retryHit('h', all, deps)).toMatchObject({ kind: 'not_rejected' });
  });
});

describe('a hit makes one conversion (invariant 4)', () => {
  const corrected = { goal: 'sale' };
  const expectOne = (network: Network) => {
    expect(network.store.conversions.size).toBe(1);
    expect(network.store.ledger).toHaveLength(1);
    expect(onlyHit(network)).toMatchObject({ code: 'OK', conversionId: onlyHit(network).id });
  };

  it('also for a repeat of the retry, whatever it corrects', async () => {
    const network = await withRefusal();
    await retry(network, { corrected });

    const again = await retry(network, { corrected: { ...corrected, txn_id: 'T2' } });

    expect(again).toMatchObject({ kind: 'done', outcome: { code: 'OK', conversion: { txnId: 'T1' } } });
    expectOne(network);
    expect(onlyHit(network).retries).toHaveLength(1);
  });

  it.each([
    ['with the same corrections', {}],
    ['with others', { txn_id: 'T2' }],
  ])('also for two retries at once, %s', async (_how, other) => {
    const network = await withRefusal();

    const both = await Promise.all([
      retry(network, { corrected }),
      retry(network, { corrected: { ...corrected, ...other } }),
    ]);

    expect(both).toMatchObject([{ outcome: { code: 'OK' } }, { outcome: { code: 'OK' } }]);
    expectOne(network);
  });

  it("also if the commit's answer was lost", async () => {
    const network = await withRefusal();
    const commit = network.store.commit.bind(network.store);
    network.store.commit = async (write) => {
      await commit(write);
      throw new StorageUnavailable('no answer');
    };

    expect(await retry(network, { corrected })).toMatchObject({ kind: 'done', outcome: { code: 'OK' } });
    expectOne(network);
  });

  it('also after a crash between the commit and the hit', async () => {
    const network = await withRefusal();
    const replace = network.hits.replace.bind(network.hits);
    network.hits.replace = () => Promise.reject(new StorageUnavailable('crashed'));
    await expect(retry(network, { corrected })).rejects.toThrow(StorageUnavailable);
    network.hits.replace = replace;

    expect(await retry(network, { corrected: { txn_id: 'T2' } })).toMatchObject({ outcome: { code: 'OK' } });
    expectOne(network);
  });

  it('and says so if storage does not take it at all', async () => {
    const network = await withRefusal();
    network.store.commit = () => Promise.reject(new StorageUnavailable('down'));

    await expect(retry(network, { corrected })).rejects.toThrow(StorageUnavailable);
    expect(onlyHit(network)).toMatchObject({ code: 'UNKNOWN_GOAL' });
  });

  it('or none, if the event is recorded already', async () => {
    const network = await withRefusal();
    addLead(network);
    await network.call({ click_id: network.clickId, txn_id: 'T1', goal: 'lead' });
    const [refused] = network.hits.rows.values();
    const deps = { ...network.deps, hits: network.hits };

    const retried = await retryHit(
      refused?.id ?? '',
      { corrected: {}, senderId: null, attribution: null, by: 'key:k1' },
      deps,
    );

    expect(retried).toMatchObject({ outcome: { code: 'DUPLICATE_CONVERSION' } });
    expect(network.store.conversions.size).toBe(1);
  });
});

describe('a call whose click is not stored', () => {
  /** Its only hit waited for its click in vain. */
  const withLostClick = async (txn = 'T1') => {
    const network = aNetwork();
    network.catalog.publishers.set('tia', aPublisher());
    const clickId = network.mint();
    await network.call({ click_id: clickId, txn_id: txn });
    network.advance(200 * DAY);
    const [parked] = await network.store.dueParked(network.deps.now(), 1);
    if (parked === undefined) throw new Error('not parked');
    await runParked(parked, network.deps);
    expect(onlyHit(network)).toMatchObject({ code: 'CLICK_NOT_RECEIVED' });
    return { ...network, clickId };
  };
  const attribution = { campaignId: 'summer', publisherId: 'tia' };

  it('waits for it again', async () => {
    const network = aNetwork();
    await network.call({ click_id: 'x', txn_id: 'T1' });
    const clickId = network.mint();

    expect(await retry(network, { corrected: { click_id: clickId } })).toMatchObject({
      outcome: { code: 'CLICK_PENDING' },
    });
    expect(onlyHit(network)).toMatchObject({ code: 'CLICK_PENDING', status: 202, clickId });

    await network.click({ id: clickId });
    network.advance(60_000);
    const [parked] = await network.store.dueParked(network.deps.now(), 1);
    if (parked === undefined) throw new Error('not parked');
    expect(await runParked(parked, network.deps)).toBe('OK');
    const hit = onlyHit(network);
    expect(hit).toMatchObject({ code: 'OK', conversionId: hit.id, retries: [{ code: 'CLICK_PENDING', by: 'key:k1' }] });
    expect(network.store.history).toMatchObject([{ by: 'key:k1' }]);
  });

  it.each([
    ['came', true],
    ['never came', false],
  ])('waits no more if another try made a conversion of the hit: its click %s (invariant 4)', async (_, comes) => {
    const network = aNetwork();
    await network.call({ click_id: 'x', txn_id: 'T1' });
    const [late, stored] = [network.mint(), await network.click()];
    const replace = network.hits.replace.bind(network.hits);
    network.hits.replace = () => Promise.reject(new StorageUnavailable('crashed'));
    await expect(retry(network, { corrected: { click_id: late } })).rejects.toThrow(StorageUnavailable);
    network.hits.replace = replace;
    await retry(network, { corrected: { click_id: stored, txn_id: 'T2' } });

    network.advance(comes ? DAY : 200 * DAY);
    if (comes) await network.click({ id: late });
    const [parked] = await network.store.dueParked(network.deps.now(), 1);
    if (parked === undefined) throw new Error('not parked');

    expect(await runParked(parked, network.deps)).toBe('OK');
    const { id } = onlyHit(network);
    expect(onlyHit(network)).toMatchObject({ code: 'OK', conversionId: id });
    expect([...network.store.conversions.values()]).toMatchObject([{ id, clickId: stored }]);
    expect(await network.store.dueParked(Infinity, 1)).toEqual([]);
  });

  it('stays without it as it was', async () => {
    const network = await withLostClick();

    expect(await retry(network)).toMatchObject({ outcome: { code: 'CLICK_NOT_RECEIVED' } });
    expect(onlyHit(network)).toMatchObject({ code: 'CLICK_NOT_RECEIVED', status: 422 });
  });

  it('is whose the operator says, with the id and the time of the click', async () => {
    const network = await withLostClick();

    expect(await retry(network, { attribution })).toMatchObject({ outcome: { code: 'OK' } });

    expect([...network.store.conversions.values()]).toMatchObject([
      {
        ...attribution,
        advertiserId: 'xyz',
        clickId: network.clickId,
        clickAt: NOON - 60_000,
        createdAt: NOON,
        status: 'approved',
      },
    ]);
  });

  it("is nobody else's than its click says, should that be stored after all", async () => {
    const network = await withLostClick();
    network.catalog.publishers.set('ben', aPublisher({ id: 'ben' }));
    await network.click({ id: network.clickId, createdAt: NOON - 60_000 });

    await retry(network, { attribution: { ...attribution, publisherId: 'ben' } });

    expect([...network.store.conversions.values()]).toMatchObject([{ publisherId: 'tia' }]);
  });
});

describe('a refused call of a browser', () => {
  /** Its only hit is a pixel's with a goal that the campaign does not know; the cookie has its click. */
  const withRefusedPixel = async (parameters: Record<string, string> = { campaign_id: 'summer', goal: 'lead' }) => {
    const network = aNetwork();
    const clickId = await network.click();
    await judgePixel(aPixel(network, parameters, { cookie: clickId }), network.deps);
    return { ...network, clickId };
  };

  it('is recorded as the pixel that it was, by the click of its cookie', async () => {
    const network = await withRefusedPixel();

    const retried = await retry(network, { corrected: { goal: 'sale', status: 'approved' } });

    expect(retried).toMatchObject({ kind: 'done', outcome: { code: 'OK' } });
    const hit = onlyHit(network);
    expect(hit).toMatchObject({ code: 'OK', senderId: null, conversionId: hit.id, clickId: network.clickId });
    expect([...network.store.conversions.values()]).toMatchObject([
      { id: hit.id, clickId: network.clickId, status: 'pending', reportedBy: 'pixel' },
    ]);
    expect(network.store.history).toMatchObject([{ by: 'key:k1' }]);
    expect(await retry(network)).toMatchObject({ kind: 'done', hit });
  });

  it.each<[string, Record<string, string>, Record<string, string | null>]>([
    ['a wrong transaction', { txn_id: 'null' }, { txn_id: 'T1' }],
    ['a wrong amount', { sale_amount: '$10' }, { sale_amount: '10' }],
  ])('still has the click of its cookie if it was refused for %s', async (_, parameters, corrected) => {
    const network = await withRefusedPixel({ campaign_id: 'summer', ...parameters });

    expect(await retry(network, { corrected })).toMatchObject({ kind: 'done', outcome: { code: 'OK' } });

    expect([...network.store.conversions.values()]).toMatchObject([{ clickId: network.clickId }]);
  });

  it("is recorded as a sender's if one is named", async () => {
    const network = await withRefusedPixel();
    const corrected = { goal: 'sale', click_id: network.clickId };

    expect(await retry(network, { corrected, senderId: 'xyz' })).toMatchObject({ outcome: { code: 'OK' } });

    expect([...network.store.conversions.values()]).toMatchObject([{ status: 'approved', reportedBy: 'sender' }]);
  });

  it.each<[string, Record<string, string>, Record<string, string | null>, ConversionCode]>([
    ['a click where there was none', { campaign_id: 'winter' }, { click_id: 'own' }, 'OK'],
    ['nothing where there is no click', { campaign_id: 'winter' }, {}, 'NO_CLICK'],
    ['a wrong click', { campaign_id: 'winter' }, { click_id: 'x' }, 'INVALID_CLICK_ID'],
    ['a click instead of a placeholder', { click_id: '{click_id}' }, { click_id: 'own' }, 'OK'],
  ])('is given %s', async (_, parameters, corrected, code) => {
    const network = await withRefusedPixel(parameters);
    const given = corrected['click_id'] === 'own' ? { click_id: network.clickId } : corrected;

    expect(await retry(network, { corrected: given })).toMatchObject({ kind: 'done', outcome: { code } });

    expect(onlyHit(network)).toMatchObject({ code });
  });

  it('is not judged again if it was accepted', async () => {
    const network = await withRefusedPixel({ campaign_id: 'summer' });

    expect(await retry(network)).toMatchObject({ kind: 'not_rejected', hit: { code: 'OK' } });
  });
});
