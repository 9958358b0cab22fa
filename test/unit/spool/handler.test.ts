import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toClickMessage } from '../../../lambdas/adapters/click-message.ts';
import { startFaultProxy } from '../../support/fault-proxy.ts';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import { aClick } from '../../support/entities.ts';
import { catchLogLines } from '../../support/log-lines.ts';

let storage: FaultProxy;
let lines: Record<string, unknown>[];

beforeEach(async () => {
  storage = await startFaultProxy('http://127.0.0.1:1');
  const environment = {
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: storage.endpoint,
    AWS_ACCESS_KEY_ID: 'a',
    AWS_SECRET_ACCESS_KEY: 'b',
    CLICKS_TABLE: 'clicks',
    COUNTERS_TABLE: 'counters',
  };
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  lines = catchLogLines();
});

afterEach(async () => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  vi.resetModules();
  await storage.stop();
});

async function receive(...bodies: string[]): Promise<SQSBatchResponse> {
  const { handler } = await import('../../../lambdas/spool/handler.ts');
  const records = bodies.map((body, index) => ({ body, messageId: `m${index}` }));
  const answer = handler({ Records: records } as SQSEvent, {} as Context, () => undefined);
  return (await answer) ?? { batchItemFailures: [] };
}

const failed = ({ batchItemFailures }: SQSBatchResponse) => batchItemFailures.map((item) => item.itemIdentifier);

describe('the spool function', () => {
  it('gives a message that is no click back, and says so', async () => {
    expect(failed(await receive('{}', 'nonsense'))).toEqual(['m0', 'm1']);
    expect(lines.map(({ event, message_id: id }) => [event, id])).toEqual([
      ['message_malformed', 'm0'],
      ['message_malformed', 'm1'],
    ]);
  });

  it('gives back all clicks that storage does not take, within the function’s 5 seconds even if it hangs', async () => {
    storage.plan = () => 'hang';
    const started = performance.now();
    const bodies = Array.from({ length: 10 }, () => toClickMessage({ click: aClick(), claims: null }));
    expect(failed(await receive(...bodies))).toHaveLength(10);
    expect(performance.now() - started).toBeLessThan(4_500);
    expect(new Set(lines.map(({ event }) => event))).toEqual(new Set(['message_failed']));
  });
});
