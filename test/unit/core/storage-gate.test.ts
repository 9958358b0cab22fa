import { beforeEach, describe, expect, it } from 'vitest';
import { StorageUnavailable } from '../../../lambdas/core/ports.ts';
import { createStorageGate } from '../../../lambdas/core/storage-gate.ts';
import type { StorageGate } from '../../../lambdas/core/storage-gate.ts';

let now: number;
let failures: unknown[];
let gate: StorageGate;
/** How often storage was asked. */
let asked: number;

beforeEach(() => {
  now = 1_764_000_000_000;
  failures = [];
  asked = 0;
  gate = createStorageGate({ now: () => now, onFailure: (error) => failures.push(error) });
});

const down = () =>
  gate
    .pass(async () => {
      asked += 1;
      throw new StorageUnavailable('down');
    })
    .catch((error: unknown) => error);
const up = () =>
  gate
    .pass(async () => {
      asked += 1;
      return 'answer';
    })
    .catch((error: unknown) => error);
const fail = async (times: number) => {
  for (let i = 0; i < times; i++) await down();
};

describe('the gate in front of storage', () => {
  it('lets through what comes, and passes on answers and errors', async () => {
    expect(await up()).toBe('answer');
    expect(await down()).toEqual(new StorageUnavailable('down'));
    expect(failures).toEqual([new StorageUnavailable('down')]);
  });

  it('stays open while a success comes between failures', async () => {
    for (let i = 0; i < 5; i++) {
      await fail(2);
      expect(await up()).toBe('answer');
    }
  });

  it('turns away for a second after three failures in a row, without asking storage or telling a failure', async () => {
    await fail(3);
    now += 999;
    expect(await up()).toEqual(new StorageUnavailable('storage is not asked for now'));
    expect(asked).toBe(3);
    expect(failures).toHaveLength(3);
  });

  it('opens for good when the probe succeeds', async () => {
    await fail(3);
    now += 1_000;
    expect(await up()).toBe('answer');
    await fail(2);
    expect(await up()).toBe('answer');
    await fail(3);
    now += 999;
    await up();
    now += 1;
    expect(await up()).toBe('answer');
  });

  it('doubles its pause to ten seconds while probes fail', async () => {
    await fail(3);
    const pauses: number[] = [];
    for (let i = 0; i < 6; i++) {
      const from = now;
      const before = asked;
      while (asked === before) {
        now += 100;
        await down();
      }
      pauses.push(now - from);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('lets one call probe at a time', async () => {
    await fail(3);
    now += 1_000;
    let answer: (text: string) => void = () => undefined;
    const probe = gate.pass(() => new Promise<string>((resolve) => (answer = resolve)));
    expect(await up()).toBeInstanceOf(StorageUnavailable);
    answer('late');
    expect(await probe).toBe('late');
    expect(await up()).toBe('answer');
  });

  it('does not wait for ever for a probe that was cut off', async () => {
    await fail(3);
    now += 1_000;
    void gate.pass(() => new Promise(() => undefined));
    now += 1_000;
    expect(await up()).toBe('answer');
  });
});
