import { startDynamodbLocal } from '../local/engines/dynamodb-local.ts';
import { startSqsServer } from '../local/engines/sqs/server.ts';
import type { CleanUps } from '../test/support/clean-ups.ts';

/** Storage and queues in memory. */
export async function startEngines(cleanUps: CleanUps) {
  const engine = await startDynamodbLocal();
  cleanUps.push(() => engine.stop());
  const queues = await startSqsServer();
  cleanUps.push(() => queues.stop());
  return { engine, queues };
}
