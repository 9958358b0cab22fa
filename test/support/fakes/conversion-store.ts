import type { AuditEntry } from '../../../lambdas/core/audit.ts';
import type { Conversion, HistoryRow, LedgerRow } from '../../../lambdas/core/conversion.ts';
import { staleAttributes } from '../../../lambdas/core/counters.ts';
import type { CounterKey, Counts, CounterUpdate } from '../../../lambdas/core/counters.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import { MAX_OF_TXN } from '../../../lambdas/core/locate-conversion.ts';
import type {
  ClickGoalRow,
  CommitResult,
  ConversionStore,
  ConversionWrite,
  DedupeKey,
  DeliveryChange,
  EndedHold,
  KeyChange,
  ParkedConversion,
  TxnIndexRow,
} from '../../../lambdas/core/ports.ts';

interface StoredKey {
  readonly conversionId: string | null;
  readonly open: boolean;
  readonly several: boolean;
}

/** Conversions in memory; passes the contract suite of the real store. A commit is atomic: nothing awaits inside. */
export class FakeConversionStore implements ConversionStore {
  readonly conversions = new Map<string, Conversion>();
  readonly history: HistoryRow[] = [];
  readonly ledger: LedgerRow[] = [];
  readonly audit: AuditEntry[] = [];
  readonly #counters = new Map<string, Map<string, bigint>>();
  readonly deliveries: Map<string, Delivery>;
  readonly #keys = new Map<string, StoredKey>();
  readonly #index = new Map<string, { readonly hash: string; readonly row: TxnIndexRow }>();
  readonly #parked = new Map<string, ParkedConversion>();
  /** When conversions that are held are looked at, where that was postponed. A change of the conversion ends it. */
  readonly #postponed = new Map<string, number>();

  /** `deliveries`: rows shared with the fake that delivers them. */
  constructor(deliveries: Map<string, Delivery> = new Map()) {
    this.deliveries = deliveries;
  }

  async clickGoals(clickId: string): Promise<readonly ClickGoalRow[]> {
    const prefix = nameOf({ kind: 'clickGoal', clickId, goal: '' });
    return [...this.#keys]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, row]) => ({ goal: name.slice(prefix.length), ...row }));
  }

  async txn(hash: string) {
    const row = this.#keys.get(nameOf({ kind: 'txn', hash }));
    return row === undefined ? null : { conversionId: row.conversionId };
  }

  async conversionsOfTxn(txnHash: string, advertiserId: string | null) {
    return [...this.#index.values()]
      .filter(({ hash, row }) => hash === txnHash && (advertiserId === null || row.advertiserId === advertiserId))
      .map(({ row }) => row)
      .slice(0, MAX_OF_TXN);
  }

  async conversion(id: string) {
    return this.conversions.get(id) ?? null;
  }

  async deliveriesOf(conversionId: string) {
    return [...this.deliveries.values()]
      .filter((delivery) => delivery.subjectId === conversionId)
      .sort((a, b) => a.number - b.number);
  }

  async commit(write: ConversionWrite): Promise<CommitResult> {
    const { conversion, expectedVersion, history, ledger, counters, deliveries, keys } = write;
    if (!keys.every((change) => this.#keyHolds(change))) return { committed: false, lost: 'key' };
    if ((this.conversions.get(conversion.id)?.version ?? null) !== expectedVersion) {
      return { committed: false, lost: 'version' };
    }
    const refusing = counters.filter((update) => !this.#hasRoom(update));
    if (refusing.length > 0) {
      const states = refusing.map(({ key }) => ({ key, counts: this.counts(key) }));
      return { committed: false, lost: 'cap', counters: states };
    }
    if (!deliveries.every((change) => this.#deliveryHolds(change))) return { committed: false, lost: 'delivery' };
    for (const change of keys) this.#changeKey(change);
    this.#postponed.delete(conversion.id);
    this.conversions.set(conversion.id, conversion);
    this.history.push(history);
    if (ledger !== null) this.ledger.push(ledger);
    if (write.audit) this.audit.push(write.audit);
    for (const { key, adds } of counters) {
      const counts = new Map(this.counts(key));
      for (const { attribute, amount } of adds) counts.set(attribute, (counts.get(attribute) ?? 0n) + amount);
      this.#counters.set(counterName(key), counts);
    }
    for (const change of deliveries) this.#changeDelivery(change);
    return { committed: true };
  }

  async pruneCounters(keys: readonly CounterKey[], now: number) {
    for (const key of keys) {
      for (const stale of staleAttributes(this.counts(key), now)) this.#counters.get(counterName(key))?.delete(stale);
    }
  }

  counts(key: CounterKey): Counts {
    return this.#counters.get(counterName(key)) ?? new Map();
  }

  async remember(key: DedupeKey) {
    const name = nameOf(key);
    const row = this.#keys.get(name);
    if (row !== undefined && row.conversionId !== null) return false;
    this.#keys.set(name, { conversionId: null, open: false, several: false });
    return true;
  }

  async park(parked: ParkedConversion) {
    this.#parked.set(`${parked.clickId}#${parked.hitId}`, parked);
  }

  async dueParked(now: number, limit: number) {
    return [...this.#parked.values()]
      .filter(({ dueAt }) => dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt || (a.hitId < b.hitId ? -1 : 1))
      .slice(0, limit);
  }

  async endedHolds(now: number, limit: number) {
    return [...this.conversions.values()]
      .flatMap(({ id, holdUntil }) => (holdUntil === null ? [] : [{ conversionId: id, until: holdUntil }]))
      .filter(({ conversionId, until }) => (this.#postponed.get(conversionId) ?? until) <= now)
      .sort((a, b) => a.until - b.until || (a.conversionId < b.conversionId ? -1 : 1))
      .slice(0, limit);
  }

  async postponeHold({ conversionId, until }: EndedHold, dueAt: number) {
    if (this.conversions.get(conversionId)?.holdUntil === until) this.#postponed.set(conversionId, dueAt);
  }

  async oldestParked(clickId: string) {
    const ids = [...this.#parked.values()].filter((row) => row.clickId === clickId).map(({ hitId }) => hitId);
    return ids.sort()[0] ?? null;
  }

  async postponeParked(parked: ParkedConversion, dueAt: number) {
    const name = `${parked.clickId}#${parked.hitId}`;
    const row = this.#parked.get(name);
    if (row?.dueAt !== parked.dueAt) return false;
    this.#parked.set(name, { ...row, dueAt });
    return true;
  }

  async unpark(parked: ParkedConversion) {
    this.#parked.delete(`${parked.clickId}#${parked.hitId}`);
  }

  #hasRoom({ key, adds }: CounterUpdate): boolean {
    const counts = this.counts(key);
    return adds.every(
      ({ attribute, amount, limit }) => limit === null || (counts.get(attribute) ?? 0n) + amount <= limit,
    );
  }

  #keyHolds(change: KeyChange): boolean {
    if (change.kind === 'index') return true;
    const row = this.#keys.get(nameOf(keyOf(change)));
    if (change.kind === 'put') {
      return change.over === 'nothing' ? row === undefined : row !== undefined && row.conversionId === null;
    }
    if (row === undefined || row.conversionId === null) return false;
    return change.kind === 'follow' ? !row.open : row.open && row.conversionId === change.conversionId;
  }

  #changeKey(change: KeyChange): void {
    if (change.kind === 'index') {
      const { txnHash: hash, row } = change;
      this.#index.set(`${hash}#${row.advertiserId}#${row.conversionId}`, { hash, row });
      return;
    }
    const name = nameOf(keyOf(change));
    const row = this.#keys.get(name);
    if (change.kind === 'put') {
      this.#keys.set(name, { conversionId: change.conversionId, open: change.open, several: false });
    } else if (row !== undefined) {
      this.#keys.set(name, change.kind === 'follow' ? { ...row, several: true } : { ...row, open: false });
    }
  }

  #deliveryHolds(change: DeliveryChange): boolean {
    const row = this.deliveries.get(change.delivery.id);
    if (change.kind === 'put') return row === undefined;
    if (change.kind === 'cancel') return row?.state === 'waiting';
    const alive = row?.state === 'sending' || (change.kind === 'succeed' && row?.state === 'waiting');
    return alive && row.successor === change.delivery.successor;
  }

  #changeDelivery(change: DeliveryChange): void {
    const { id } = change.delivery;
    const row = this.deliveries.get(id);
    if (change.kind === 'put') this.deliveries.set(id, change.delivery);
    else if (row !== undefined && change.kind === 'cancel') {
      this.deliveries.set(id, {
        ...row,
        state: 'cancelled',
        nextAttemptAt: null,
        dueAt: null,
        successor: null,
        stuckAt: null,
      });
    } else if (row !== undefined && change.kind !== 'cancel') {
      const recalled = row.recalled || change.kind === 'recall';
      this.deliveries.set(id, { ...row, recalled, successor: change.successor });
    }
  }
}

function keyOf(change: Exclude<KeyChange, { kind: 'index' }>): DedupeKey {
  if (change.kind === 'put') return change.key;
  return { kind: 'clickGoal', clickId: change.clickId, goal: change.goal };
}

function counterName({ pk, sk }: CounterKey): string {
  return `${pk} ${sk}`;
}

function nameOf(key: DedupeKey): string {
  return key.kind === 'txn' ? `txn ${key.hash}` : `click ${key.clickId} ${key.goal}`;
}
