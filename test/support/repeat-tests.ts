import { afterAll, beforeAll, expect, test } from 'vitest';
import { click, createWorld, field, listAll, openDeployment, reportUntilAnswered } from './deployment.ts';
import type { Deployment } from './deployment.ts';

interface Scale {
  readonly rounds: number;
  /** Identical calls at once. */
  readonly identical: number;
}

/** Distinct sales that are reported among the identical calls. */
const OTHERS = 10;

/** What must hold of a sale that is reported many times at once. */
export function repeatTests({ rounds, identical }: Scale): void {
  let deployment: Deployment;
  beforeAll(async () => {
    // An engine of its own: all test files would wait behind so many calls at once.
    deployment = await openDeployment({ dynamodbEndpoint: undefined });
  });
  afterAll(() => deployment.stop());

  test.each([
    [identical, 'with a transaction id', { txn_id: 'order 1/ü' }],
    [identical / 4, 'without one', {}],
  ])(
    `%i identical postbacks at once %s make one conversion among others, each time of ${rounds} (invariant 4)`,
    async (times, _, more) => {
      for (let round = 0; round < rounds; round++) {
        const world = await createWorld(deployment);
        const report = (clickId: string, parameters: Record<string, string>) =>
          reportUntilAnswered(deployment, world, clickId, parameters);
        const clickId = await click(deployment, world, 'p1=follower');
        const others: string[] = [];
        for (let other = 0; other < OTHERS; other++) others.push(await click(deployment, world));

        const [answers, otherAnswers] = await Promise.all([
          Promise.all(Array.from({ length: times }, () => report(clickId, more))),
          Promise.all(others.map((other) => report(other, { txn_id: other }))),
        ]);

        const codes = answers.map((answer) => `${answer.status} ${String(field(answer, 'code'))}`).sort();
        expect(codes).toEqual([...Array<string>(times - 1).fill('200 DUPLICATE_CONVERSION'), '200 OK']);
        expect(new Set(answers.map((answer) => field(answer, 'conversion_id'))).size).toBe(1);
        expect(otherAnswers.map((answer) => field(answer, 'code'))).toEqual(Array<string>(OTHERS).fill('OK'));

        const conversions = await listAll(deployment, `conversions?campaign_id=${world.campaign}`);
        const clickIds = conversions.map((conversion) => conversion['click_id']);
        expect(clickIds.sort()).toEqual([clickId, ...others].sort());
        const conversion = conversions.find(({ p1 }) => p1 === 'follower');
        expect(conversion).toMatchObject({ payout: '2.50', revenue: '4.00', status: 'approved' });
      }
    },
    900_000,
  );
}
