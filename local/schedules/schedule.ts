import { randomUUID } from 'node:crypto';

import { StartError } from '../errors.ts';
import type { LambdaFunction } from '../lambda-host/lambda-function.ts';

interface ScheduleTarget {
  readonly lambda: LambdaFunction;
  /** The event as JSON; undefined: the service's own. */
  readonly input: string | undefined;
}

interface ScheduleOptions {
  readonly name: string;
  readonly arn: string;
  readonly region: string;
  readonly accountId: string;
  readonly periodMs: number;
  readonly targets: readonly ScheduleTarget[];
}

/**
 * Calls its targets once a period, the first time soon after the start: what was due while nothing ran is not kept
 * waiting for a period.
 */
export class Schedule {
  private readonly options: ScheduleOptions;
  private timers: NodeJS.Timeout[] = [];

  constructor(options: ScheduleOptions) {
    this.options = options;
  }

  start(): void {
    const { periodMs } = this.options;
    this.timers = [
      setTimeout(() => this.run(), Math.min(periodMs, 1_000)),
      // Node's timers hold at most 2^31 - 1 ms.
      setInterval(() => this.run(), Math.min(periodMs, 2_147_483_647)),
    ];
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private run(): void {
    const { arn, region, accountId } = this.options;
    const event = {
      version: '0',
      id: randomUUID(),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: accountId,
      time: `${new Date().toISOString().slice(0, 19)}Z`,
      region,
      resources: [arn],
      detail: {},
    };
    for (const { lambda, input } of this.options.targets) {
      // What a function says about a failure is in the log; the next run comes anyway.
      void lambda.invoke(input ?? JSON.stringify(event));
    }
  }
}

const UNITS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/**
 * The period of a `rate(...)` expression in milliseconds.
 *
 * @throws StartError for any other expression
 */
export function periodOf(expression: string, where: string): number {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const period = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  if (period > 0) return period;
  throw new StartError(`${where}: the schedule '${expression}' is not supported by the local run, only rate(...)`);
}
