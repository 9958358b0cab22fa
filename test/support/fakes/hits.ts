import type { Hit } from '../../../lambdas/core/hit.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { HitWriter } from '../../../lambdas/core/ports.ts';

/** Hits in memory. */
export class FakeHits implements HitWriter {
  readonly rows = new Map<string, Hit>();
  down = false;

  async put(hit: Hit) {
    if (this.down) throw new StorageUnavailable('down');
    this.rows.set(hit.id, hit);
  }
}
