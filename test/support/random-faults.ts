import type { Fault, FaultPlan } from './fault-proxy.ts';
import { oneOf } from './seeded-random.ts';

/** A plan by which a share of all requests fails, and in which ways they did until now. */
interface RandomFaults {
  readonly plan: FaultPlan;
  readonly kinds: ReadonlySet<string>;
}

type Kind = 'reject' | 'throttle' | 'reset' | 'dropAnswer' | 'conflict' | 'late' | 'too late';

const LATE_MS = 80;
/** Longer than the two seconds for which a function waits: what happens late happens beside what was tried again. */
const TOO_LATE_MS = 2_300;
const WRITE = /\.(Put|Update|Delete|TransactWrite)Items?$/;

/** Every way in which storage fails and comes back. Rarely those for which a client waits long before it tries again. */
export function randomFaults(random: () => number, share: number): RandomFaults {
  const kinds = new Set<Kind>();
  const choose = (target: string): Kind => {
    if (WRITE.test(target) && random() < 0.4) return 'conflict';
    const often = oneOf<Kind>(['reject', 'reset', 'dropAnswer', 'late'], random);
    const chance = random();
    return chance < 0.01 ? 'too late' : chance < 0.05 ? 'throttle' : often;
  };
  const plan: FaultPlan = (target): Fault => {
    if (random() >= share) return 'ok';
    const kind = choose(target);
    kinds.add(kind);
    if (kind === 'late') return Math.ceil(random() * LATE_MS);
    return kind === 'too late' ? TOO_LATE_MS : kind;
  };
  return { plan, kinds };
}
