import { StorageUnavailable } from './ports.ts';
import type { Clock } from './ports.ts';

const FAILURES = 3;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 10_000;

/**
 * Keeps an environment from waiting for storage that is down: at thousands of clicks a second, waiting alone would use
 * up all environments.
 */
export interface StorageGate {
  /** Runs the work, or throws {@link StorageUnavailable} at once while the gate is closed. What the work throws is a failure. */
  pass<T>(work: () => Promise<T>): Promise<T>;
}

/** One an environment. Three failures in a row close it for a second, doubling to ten; then one call probes. */
export function createStorageGate({
  now,
  onFailure,
}: {
  readonly now: Clock;
  /** Hears of each failure, but not of what was turned away. */
  readonly onFailure: (error: unknown) => void;
}): StorageGate {
  let failures = 0;
  let pause = FIRST_PAUSE;
  let closedUntil = 0;

  return {
    async pass(work) {
      const at = now();
      if (at < closedUntil) throw new StorageUnavailable('storage is not asked for now');
      // While one call probes, all others are turned away.
      if (failures >= FAILURES) closedUntil = at + pause;
      try {
        const result = await work();
        failures = 0;
        pause = FIRST_PAUSE;
        closedUntil = 0;
        return result;
      } catch (error) {
        failures += 1;
        if (failures === FAILURES) closedUntil = now() + pause;
        if (failures > FAILURES) {
          pause = Math.min(2 * pause, LONGEST_PAUSE);
          closedUntil = now() + pause;
        }
        onFailure(error);
        throw error;
      }
    },
  };
}
