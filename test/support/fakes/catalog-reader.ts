import type { MacKey } from '../../../lambdas/core/click-id.ts';
import { DEFAULT_SETTINGS } from '../../../lambdas/core/entities.ts';
import type { Campaign, Publisher, Settings } from '../../../lambdas/core/entities.ts';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { CatalogReader } from '../../../lambdas/core/ports.ts';

/** A catalog in memory that can be down, and that counts what is read. */
export class FakeCatalogReader implements CatalogReader {
  readonly campaigns = new Map<string, Campaign>();
  readonly publishers = new Map<string, Publisher>();
  stored: Settings | null = null;
  ring: readonly MacKey[] = [];
  down = false;
  /** What was read, in order: `campaign summer`. */
  readonly reads: string[] = [];

  campaign(id: string) {
    return this.#read(`campaign ${id}`, () => this.campaigns.get(id) ?? null);
  }

  publisher(id: string) {
    return this.#read(`publisher ${id}`, () => this.publishers.get(id) ?? null);
  }

  settings() {
    return this.#read('settings', () => this.stored ?? DEFAULT_SETTINGS);
  }

  macKeys() {
    return this.#read('mac_keys', () => this.ring.toSorted((a, b) => a.createdAt - b.createdAt));
  }

  async #read<T>(what: string, value: () => T): Promise<T> {
    this.reads.push(what);
    if (this.down) throw new StorageUnavailable('down');
    return value();
  }
}
