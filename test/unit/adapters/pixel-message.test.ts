import { describe, expect, it } from 'vitest';
import { toPixelMessage } from '../../../lambdas/adapters/pixel-message.ts';
import { aNetwork } from '../../support/conversions.ts';
import { aTagCall } from '../../support/pixels.ts';

const SQS_LIMIT = 262_144;
const fill = (part: string) => part.repeat(Math.floor(65_000 / Buffer.byteLength(part)));

describe("the message of a browser's call", () => {
  it.each([
    ['ten thousand empty parameters', `{${fill('"":"",').slice(0, -1)}}`],
    ['as many numbers', `{${fill('"":1,').slice(0, -1)}}`],
    ['control characters', `{${fill(String.raw`"sub1":"${String.raw`\u0001`.repeat(600)}",`).slice(0, -1)}}`],
    ['noncharacters', `{${fill(`"sub1":"${'\uffff'.repeat(600)}",`).slice(0, -1)}}`],
    ['no JSON but quotes', fill('"')],
    ['no JSON but control characters', fill('\u0001')],
  ])('fits into the queue, whatever the call consists of: %s (invariant 3)', (_, body) => {
    expect(Buffer.byteLength(toPixelMessage(aTagCall(aNetwork(), body)))).toBeLessThan(SQS_LIMIT);
  });
});
