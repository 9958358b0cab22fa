import type { Fault, FaultPlan } from './fault-proxy.ts';
import { oneOf } from './seeded-random.ts';

/** Longer than the two seconds for which a function waits: what happens late happens beside what was tried again. */
const TOO_LATE_MS = 2_300;
const LATE_MS = 150;
const WRITE = /\.(Put|Update|Delete|TransactWrite)Items?$/;

/**
 * A plan by which a share of all requests fails, in every way in which storage does and comes back from; `seen` counts
 * the faults of each kind.
 */
export function randomFaults(
  random: () => number,
  share: number,
): { readonly plan: FaultPlan; readonly seen: Readonly<Record<string, number>> } {
  const seen: Record<string, number> = {};
  const choose = (target: string): Fault => {
    const kind = oneOf(['reject', 'throttle', 'reset', 'dropAnswer', 'conflict', 'late', 'too late'], random);
    if (kind === 'conflict') return WRITE.test(target) ? kind : 'reject';
    if (kind === 'late') return Math.ceil(random() * LATE_MS);
    // Rare, because each costs its environment two seconds.
    if (kind === 'too late') return random() < 0.1 ? TOO_LATE_MS : 'reset';
    return kind;
  };
  const plan: FaultPlan = (target) => {
    if (random() >= share) return 'ok';
    const fault = choose(target);
    const name = typeof fault === 'string' ? fault : fault > LATE_MS ? 'too late' : 'late';
    seen[name] = (seen[name] ?? 0) + 1;
    return fault;
  };
  return { plan, seen };
}
