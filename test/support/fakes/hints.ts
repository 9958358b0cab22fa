import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import type { DeliveryHints } from '../../../lambdas/core/ports.ts';

type Hint = Parameters<DeliveryHints['send']>[0];

interface FakeHints extends DeliveryHints {
  readonly sent: Hint[];
  /** While true, the queue does not answer. */
  down: boolean;
}

/** A queue in memory; passes the contract suite of the real one. */
export function fakeHints(): FakeHints {
  const sent: Hint[] = [];
  return {
    sent,
    down: false,
    async send(hint) {
      if (this.down) throw new StorageUnavailable('queue down');
      sent.push(hint);
    },
    async backlog() {
      if (this.down) throw new StorageUnavailable('queue down');
      return sent.filter(({ delaySeconds }) => delaySeconds === 0).length;
    },
  };
}
