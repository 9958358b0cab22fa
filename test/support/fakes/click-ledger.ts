import type { ClickLedgerRow } from '../../../lambdas/core/click-payout.ts';
import type { Delivery } from '../../../lambdas/core/delivery.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { ClickLedger } from '../../../lambdas/core/ports.ts';

/** What clicks pay, in memory; passes the contract suite of the real ledger. */
export class FakeClickLedger implements ClickLedger {
  readonly rows = new Map<string, ClickLedgerRow>();
  readonly deliveries = new Map<string, Delivery>();
  down = false;

  async add(row: ClickLedgerRow, deliveries: readonly Delivery[]) {
    if (this.down) throw new StorageUnavailable('down');
    if (this.rows.has(row.clickId)) return false;
    this.rows.set(row.clickId, row);
    for (const delivery of deliveries) this.deliveries.set(delivery.id, delivery);
    return true;
  }
}
