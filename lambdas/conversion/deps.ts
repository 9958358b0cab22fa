import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { toPixelMessage } from '../adapters/pixel-message.ts';
import { createSqs } from '../adapters/sqs/hints.ts';
import { createPixelSpool } from '../adapters/sqs/pixel-spool.ts';
import type { ReceiveDeps } from '../core/judgement.ts';
import type { PixelDeps } from '../core/receive-pixel.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { logFailure } from '../runtime/log-failure.ts';
import { describeError, log } from '../runtime/log.ts';
import { within } from '../runtime/within.ts';
import { createReceiveDeps } from '../wiring/receive-deps.ts';

/** What one execution environment has; from its variables. */
export function createDeps(): ReceiveDeps & PixelDeps & { readonly network: string } {
  return {
    ...createReceiveDeps(createDynamoDb()),
    spool: createPixelSpool(createSqs(), requireEnv(ENV.pixelSpoolQueueUrl)),
    network: requireEnv(ENV.network),
    within,
    notJudged: (error) => logFailure(error),
    pixelNotStored: (pixel, error) =>
      log('pixel_not_stored', { hit_id: pixel.id, ...describeError(error), spooled: toPixelMessage(pixel) }),
  };
}
