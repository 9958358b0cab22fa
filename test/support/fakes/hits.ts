import type { Hit } from '../../../lambdas/core/hit.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { HitStore, HitWriter } from '../../../lambdas/core/ports.ts';

/** Hits in memory. */
export class FakeHits implements HitWriter, HitStore {
  readonly rows = new Map<string, Hit>();
  down = false;

  async put(hit: Hit) {
    if (this.down) throw new StorageUnavailable('down');
    this.rows.set(hit.id, hit);
  }

  async putUntried(hit: Hit) {
    if ((await this.hit(hit.id))?.retries === undefined) this.rows.set(hit.id, hit);
  }

  async hit(id: string) {
    if (this.down) throw new StorageUnavailable('down');
    return this.rows.get(id) ?? null;
  }

  async replace(hit: Hit, before: Hit) {
    const stored = await this.hit(hit.id);
    if (stored?.code !== before.code || stored.retries?.length !== before.retries?.length) return false;
    this.rows.set(hit.id, hit);
    return true;
  }
}
