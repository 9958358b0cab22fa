import { afterAll, beforeAll, expect, test } from 'vitest';

import { click, createWorld, field, list, openDeployment, reportUntilAnswered } from '../support/deployment.ts';
import type { Deployment } from '../support/deployment.ts';

let deployment: Deployment;
beforeAll(async () => {
  deployment = await openDeployment();
});
afterAll(() => deployment.stop());

test.each([
  [200, 'with a transaction id', { txn_id: 'order 1/ü' }],
  [50, 'without one', {}],
])(
  '%i identical postbacks at once %s make one conversion, the others are duplicates of it (invariant 4)',
  async (times, _, more) => {
    const world = await createWorld(deployment);
    const clickId = await click(deployment, world, 'p1=follower');
    const answers = await Promise.all(
      Array.from({ length: times }, () => reportUntilAnswered(deployment, world, clickId, more)),
    );

    const codes = answers.map((answer) => `${answer.status} ${String(field(answer, 'code'))}`).sort();
    expect(codes).toEqual([...Array<string>(times - 1).fill('200 DUPLICATE_CONVERSION'), '200 OK']);
    expect(new Set(answers.map((answer) => field(answer, 'conversion_id'))).size).toBe(1);

    const conversions = await list(deployment, `conversions?click_id=${clickId}`);
    expect(conversions).toHaveLength(1);
    expect(conversions[0]).toMatchObject({ payout: '2.50', revenue: '4.00', status: 'approved', p1: 'follower' });
  },
  120_000,
);
