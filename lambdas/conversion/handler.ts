import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { answerUnavailable } from '../core/postback-answer.ts';
import { receivePostback } from '../core/receive-postback.ts';
import { TAG_FILE } from '../runtime/environment.ts';
import { logFailure } from '../runtime/log-failure.ts';
import { within } from '../runtime/within.ts';
import { answerPixel, answerTag } from './browser.ts';
import { createDeps } from './deps.ts';
import { frame, gif, routeOf, toInboundCall, toResult } from './http.ts';
import { createTagFiles } from './tag-files.ts';

/** Below the function's timeout of 10 s: one that Lambda ends answers without Retry-After. */
const ANSWER_WITHIN_MS = 8_000;

const deps = createDeps();
const answerTagFile = createTagFiles(readFileSync(join(process.env['LAMBDA_TASK_ROOT'] ?? '', TAG_FILE), 'utf8'));

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  try {
    return await answer(event);
  } catch (error) {
    logFailure(error, event.requestContext.requestId);
    return toResult(answerUnavailable());
  }
};

async function answer(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  switch (routeOf(event)) {
    case '/pixel.gif':
      return answerPixel(event, gif(), deps);
    case '/pixel.html':
      return answerPixel(event, frame(), deps);
    case '/tag/convert':
      return answerTag(event, deps);
    case '/tag.js':
    case '/tag.txt':
      return answerTagFile(event);
    default:
      // What is late may still be committed; the sender's repeat then finds it, as after any lost answer.
      return toResult(await within(ANSWER_WITHIN_MS, receivePostback(toInboundCall(event), deps)));
  }
}
