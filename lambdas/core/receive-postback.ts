import { verifyClickId } from './click-id.ts';
import type { MacKeyRing } from './click-id.ts';
import type { Sender } from './entities.ts';
import type { Hit } from './hit.ts';
import { ENTITY_ID, newSortableId, SECRET } from './ids.ts';
import { hitOf, recordOrPark, refusedCall, storeHit } from './judgement.ts';
import type { Judgement, ReceiveDeps } from './judgement.ts';
import { answerOutcome, answerTransport } from './postback-answer.ts';
import type { PostbackAnswer } from './postback-answer.ts';
import { hitNames, namesOf, parsePostback, readToken } from './postback-request.ts';
import { readCall } from './received-call.ts';
import type { InboundCall, ReceivedCall } from './received-call.ts';
import type { Report } from './report.ts';
import { redactCall } from './redact.ts';
import { hashToken, holdsToken, mayCallFrom } from './senders.ts';

/**
 * One inbound conversion call, from the request to the answer. A refusal is answered after its hit is stored; the hit
 * of an accepted call is best effort. Whatever it throws is to be answered as `answerUnavailable` has it: nothing is known
 * to be recorded, and a repeat of the call finds out.
 */
export async function receivePostback(call: InboundCall, deps: ReceiveDeps): Promise<PostbackAnswer> {
  const received = readCall(call);
  return typeof received === 'string' ? answerTransport(received) : receive(call, received, deps);
}

async function receive(call: InboundCall, received: ReceivedCall, deps: ReceiveDeps): Promise<PostbackAnswer> {
  const now = deps.now();
  const id = newSortableId(now, deps.random);
  const [caller, ring] = await Promise.all([identify(call, received, now, deps), deps.catalog.macKeys()]);
  const { sender, token, authentic } = caller;
  const clickNames = namesOf('click_id', sender);
  const names = hitNames(sender);
  // Who shows no valid token may have it under a name that is not mapped, or may have taken one for the other; a click id
  // is no secret.
  const mayHideToken = (name: string, value: string): boolean =>
    (names.known.has(name) ? !authentic && clickNames.includes(name) : token === null || !authentic) &&
    verifyClickId(value, ring) === null;

  const hit = {
    id,
    at: now,
    route: `${call.method} ${call.route}`,
    senderId: sender?.id ?? null,
    query: redactCall(received, names, token, mayHideToken),
  };
  const toHit = (judgement: Judgement): Hit => hitOf(hit, judgement, answerOutcome(judgement.outcome, sender).status);

  const judgement = await judge(call, received, caller, { now, ring, toHit }, deps);
  await storeHit(toHit(judgement), judgement.outcome, deps);
  return answerOutcome(judgement.outcome, sender);
}

interface Caller {
  readonly sender: Sender | null;
  readonly token: string | null;
  /** The sender is who it says; without a token only where it needs none. */
  readonly authentic: boolean;
}

/** The sender by the path, else by its token. Read each time: a revoked token is dead at once. */
async function identify(call: InboundCall, received: ReceivedCall, now: number, deps: ReceiveDeps): Promise<Caller> {
  const sender = await findSender(call, received, deps);
  const token = readToken(received, call.senderId === null ? null : sender);
  if (sender === null) return { sender, token, authentic: false };
  const tokenless = token === null && call.senderId !== null && !sender.tokenRequired && sender.status === 'active';
  return { sender, token, authentic: tokenless || (token !== null && holdsToken(sender, hashToken(token), now)) };
}

async function findSender(call: InboundCall, received: ReceivedCall, deps: ReceiveDeps): Promise<Sender | null> {
  if (call.senderId !== null) return ENTITY_ID.test(call.senderId) ? deps.catalog.sender(call.senderId) : null;
  const token = readToken(received, null);
  if (token === null || !SECRET.test(token)) return null;
  const id = await deps.catalog.senderIdOfToken(hashToken(token));
  return id === null ? null : deps.catalog.sender(id);
}

interface Circumstances {
  readonly now: number;
  readonly ring: MacKeyRing;
  readonly toHit: (judgement: Judgement) => Hit;
}

/** The contract's table from line 1 on. */
async function judge(
  call: InboundCall,
  received: ReceivedCall,
  { sender, token, authentic }: Caller,
  { now, ring, toHit }: Circumstances,
  deps: ReceiveDeps,
): Promise<Judgement> {
  const request = parsePostback(received, sender, token === null ? 'click' : 'click_or_txn');
  if ('code' in request) return refusedCall(request.code, request.message);
  const click = request.clickId === null ? null : verifyClickId(request.clickId, ring);
  if (request.clickId !== null && click === null) return refusedCall('INVALID_CLICK_ID');
  if (sender === null || !authentic) return refusedCall('INVALID_SECURITY_TOKEN', undefined, click);

  const report: Report = {
    request,
    sender,
    addressAllowed: mayCallFrom(sender, call.sourceIp),
    click,
    attribution: null,
    receivedAt: now,
    conversionId: newSortableId(now, deps.random),
    by: `sender:${sender.id}`,
  };
  return recordOrPark(report, toHit, deps);
}
