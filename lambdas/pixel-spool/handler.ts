import type { SQSHandler } from 'aws-lambda';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { fromPixelMessage } from '../adapters/pixel-message.ts';
import { judgePixel } from '../core/receive-pixel.ts';
import { readMessage, runBatch } from '../runtime/batch.ts';
import { within } from '../runtime/within.ts';
import { createReceiveDeps } from '../wiring/receive-deps.ts';

/** Below the function's timeout of 5 s: one message that hangs must not give back the rest of its batch. */
const JUDGE_WITHIN_MS = 4_000;

const deps = createReceiveDeps(createDynamoDb());

/** A call that storage does not take comes again when its message is visible again. */
export const handler: SQSHandler = (event) =>
  runBatch(
    event,
    async ({ body }) =>
      void (await within(JUDGE_WITHIN_MS, judgePixel(readMessage(body, fromPixelMessage, 'call'), deps))),
  );
