import { encodeBase32 } from './base32.ts';
import { buildRequest } from './postback-call.ts';
import type { DeliveryEvent } from './delivery.ts';
import type { Postback } from './entities.ts';
import type { RandomBytes } from './ids.ts';
import type { PostbackMacro } from './macros.ts';
import type { Clock, OutboundRequest, OutboundResponse, PostbackCaller } from './ports.ts';
import { checkPostbackUrl } from './url-rules.ts';
import type { PostbackRules } from './url-rules.ts';

interface PostbackTestDeps {
  readonly caller: PostbackCaller;
  readonly rules: PostbackRules;
  /** `Flowback/<version>`. */
  readonly userAgent: string;
  readonly now: Clock;
  readonly random: RandomBytes;
}

interface PostbackTest {
  readonly request: OutboundRequest;
  readonly answer: Pick<OutboundResponse, 'status' | 'error' | 'body' | 'durationMs'>;
}

/**
 * Makes one call as for a delivery with these macro values, and leaves no trace of it. What identifies a conversion is
 * made up where it is not given, money never is: the receiver may book it.
 */
export async function testPostback(
  postback: Postback,
  given: Readonly<Partial<Record<PostbackMacro, string>>> & { readonly event?: DeliveryEvent },
  deps: PostbackTestDeps,
): Promise<PostbackTest> {
  const at = deps.now();
  const id = `test_${encodeBase32(deps.random(10))}`;
  const event = given.event ?? (firesForClicksOnly(postback) ? 'click_payout' : 'created');
  const values = { ...samples(postback, event, id, at), ...given };
  const request = buildRequest({ id, event, values }, postback, { at, userAgent: deps.userAgent });
  if (checkPostbackUrl(postback.url, deps.rules) !== null) {
    return { request, answer: { status: null, error: 'blocked_address', body: null, durationMs: 0 } };
  }
  return { request, answer: await deps.caller.call(request) };
}

function firesForClicksOnly({ fireOn }: Postback): boolean {
  return fireOn.every((fires) => fires === 'click_payout');
}

/** What a delivery of this postback would surely have. A click that is paid for has no conversion. */
function samples(postback: Postback, event: DeliveryEvent, id: string, at: number): Record<string, string> {
  const { publisherId, campaignId, goal, fireOn } = postback;
  return {
    txn_id: id,
    status: fireOn.find((fires) => fires !== 'click_payout') ?? 'approved',
    conversion_timestamp: String(Math.floor(at / 1_000)),
    ...(event !== 'click_payout' && { conversion_id: id, goal: goal ?? 'test' }),
    ...(publisherId !== null && { pub_id: publisherId }),
    ...(campaignId !== null && { campaign_id: campaignId }),
  };
}
