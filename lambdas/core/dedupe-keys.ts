import { createHash } from 'node:crypto';
import type { Goal } from './entities.ts';

/** SHA-256 of the parts, each with its length before it: ("a", "bc") and ("ab", "c") are different keys. */
function hashParts(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return hash.digest('hex');
}

/** The dedupe key of a transaction in its goal's scope. `txnId` as parsed: trimmed, NFC. */
export function txnKeyHash(
  scope: Goal['dedupeScope'],
  of: { readonly advertiserId: string; readonly campaignId: string; readonly goal: string; readonly txnId: string },
): string {
  switch (scope) {
    case 'goal':
      return hashParts(['goal', of.campaignId, of.goal, of.txnId]);
    case 'campaign':
      return hashParts(['campaign', of.campaignId, of.txnId]);
    case 'advertiser':
      return hashParts(['advertiser', of.advertiserId, of.txnId]);
  }
}

/** Under which a conversion is found by its transaction id alone. */
export function txnIndexHash(txnId: string): string {
  return hashParts(['txn', txnId]);
}

/** The same of a test: where only lists look, and no report. */
export function testTxnIndexHash(txnId: string): string {
  return hashParts(['test_txn', txnId]);
}
