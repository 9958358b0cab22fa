import { StorageUnavailable } from '../../lambdas/core/ports.ts';

/** What becomes of a use case's n-th call of any port, counted from 1: it fails before or after its effect, or not. */
export type FaultAt = (step: number) => 'before' | 'after' | null;

/** One call fails; what comes after it goes on. */
export const failureAt =
  (at: number, when: 'before' | 'after'): FaultAt =>
  (step) =>
    step === at ? when : null;

/** The environment dies before that call: nothing that it does from then on has an effect. */
export const deathBefore =
  (at: number): FaultAt =>
  (step) =>
    step >= at ? 'before' : null;

class Fault extends StorageUnavailable {}

const WRITES = /^(commit|remember|park|unpark|postpone|prune|put|replace|send)/;

/** `between`: runs before each step, for what others do meanwhile. */
type Between = (step: number) => Promise<void> | undefined;

/** The ports among the deps, each call of which is a step. `writes`: those steps that had an effect. */
export function instrumented<Deps extends object>(
  deps: Deps,
  { fault = () => null, between = () => undefined }: { readonly fault?: FaultAt; readonly between?: Between },
): { readonly deps: Deps; readonly steps: () => number; readonly writes: () => number } {
  let steps = 0;
  let writes = 0;
  const wrap = (port: object): object =>
    new Proxy(port, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          const step = ++steps;
          await between(step);
          const when = fault(step);
          if (when === 'before') throw new Fault(`before step ${step}`);
          if (WRITES.test(String(name))) writes++;
          const result: unknown = await Reflect.apply(method, target, args);
          if (when === 'after') throw new Fault(`after step ${step}`);
          return result;
        };
      },
    });
  const ports = Object.entries(deps).map(([name, dep]: [string, unknown]) => [
    name,
    typeof dep === 'object' && dep !== null ? wrap(dep) : dep,
  ]);
  return { deps: Object.fromEntries(ports) as Deps, steps: () => steps, writes: () => writes };
}
