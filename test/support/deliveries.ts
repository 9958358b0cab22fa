import { deliveryId } from '../../lambdas/core/delivery.ts';
import type { Delivery } from '../../lambdas/core/delivery.ts';
import type { Postback } from '../../lambdas/core/entities.ts';

/** Noon of a day in November 2026. */
export const NOON = Date.UTC(2026, 10, 22, 12);

/** A delivery that waits for its first attempt, due now. */
export function aDelivery(overrides: Partial<Delivery> = {}): Delivery {
  const { subjectId = 'a2b3c4d5e6f7g2h3i4j5k6l7', number = 1 } = overrides;
  return {
    id: deliveryId(subjectId, number),
    subjectId,
    number,
    postbackId: 'pb1',
    publisherId: 'pub1',
    audience: 'publisher',
    event: 'created',
    state: 'waiting',
    values: { conversion_id: subjectId, p1: 'tia-1', status: 'approved', goal: 'sale', payout: '2.50' },
    createdAt: NOON,
    attempts: 0,
    scheduleStep: 0,
    nextAttemptAt: NOON,
    dueAt: NOON,
    lease: null,
    successor: null,
    recalled: false,
    stuckAt: null,
    ...overrides,
  };
}

export function aPostback(overrides: Partial<Postback> = {}): Postback {
  return {
    id: 'pb1',
    version: 1,
    createdAt: NOON,
    updatedAt: NOON,
    publisherId: 'pub1',
    campaignId: null,
    goal: null,
    url: 'https://pub.example/in?cid={p1}&sum={payout}',
    method: 'GET',
    mode: 'replace',
    fireOn: ['approved'],
    statusWords: {},
    goalWords: {},
    status: 'active',
    disabledAt: null,
    disabledReason: null,
    ...overrides,
  };
}
