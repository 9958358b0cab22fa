import type { VerifiedClickId } from './click-id.ts';
import type { PostbackRequest } from './postback-request.ts';
import type { Reporter } from './senders.ts';

/** A call that reports a conversion and was authenticated. */
export interface Report {
  readonly request: PostbackRequest;
  /** Null: a pixel, which anybody may load. It records and never changes. */
  readonly sender: Reporter | null;
  /** Whether the sender may call from where it called. */
  readonly addressAllowed: boolean;
  /** Verified; null: the call names its conversion by `txn_id` alone. */
  readonly click: VerifiedClickId | null;
  /** Whose it is, by an operator's word, should the click not be stored. */
  readonly attribution: Attribution | null;
  /** When the call came; terms and the attribution window go by it. Milliseconds. */
  readonly receivedAt: number;
  /**
   * The id of the conversion, should the call make one. Minted once a call: a commit whose answer was lost is
   * recognized by it.
   */
  readonly conversionId: string;
  /** For the history: see `HistoryRow`. */
  readonly by: string;
}

export interface Attribution {
  readonly campaignId: string;
  readonly publisherId: string;
}
