import { randomUUID } from 'node:crypto';

import type { Outcome } from './environment.ts';
import { Environment } from './environment.ts';
import type { FunctionDefinition } from './function-definition.ts';

/** An invocation's end, or none: every environment stayed busy for as long as the caller would wait. */
export type InvocationResult = Outcome | { readonly kind: 'throttled' };

interface Waiter {
  readonly take: (environment: Environment | undefined) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** A function with its execution environments: made when needed, reused last in, first out, as Lambda does. */
export class LambdaFunction {
  readonly definition: FunctionDefinition;
  private readonly onLog: (text: string) => void;
  private readonly environments = new Set<Environment>();
  private readonly idle: Environment[] = [];
  private readonly waiters: Waiter[] = [];
  private stopped = false;

  constructor(definition: FunctionDefinition, onLog: (text: string) => void) {
    this.definition = definition;
    this.onLog = onLog;
  }

  /**
   * Runs the function with one event. Never rejects.
   *
   * @param event JSON
   * @param waitMs how long to wait for an environment while all are busy; Infinity: as long as it takes
   */
  async invoke(event: string, waitMs = Infinity, requestId: string = randomUUID()): Promise<InvocationResult> {
    const environment = await this.acquire(waitMs);
    if (environment === undefined) return { kind: 'throttled' };
    const outcome = await environment.invoke(requestId, event);
    this.release(environment);
    return outcome;
  }

  /** Ends every environment. Later invocations are throttled. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const waiter of this.waiters.splice(0)) this.serve(waiter, undefined);
    await Promise.all([...this.environments].map((environment) => environment.terminate()));
  }

  private acquire(waitMs: number): Environment | undefined | Promise<Environment | undefined> {
    if (this.stopped) return undefined;
    const environment = this.takeIdle() ?? this.create();
    if (environment !== undefined) return environment;
    return new Promise((resolve) => {
      const waiter: Waiter = {
        take: resolve,
        timer: waitMs === Infinity ? undefined : setTimeout(() => this.giveUp(waiter), waitMs),
      };
      this.waiters.push(waiter);
    });
  }

  private takeIdle(): Environment | undefined {
    for (let environment = this.idle.pop(); environment !== undefined; environment = this.idle.pop()) {
      if (environment.alive) return environment;
      this.environments.delete(environment);
    }
    return undefined;
  }

  private create(): Environment | undefined {
    for (const environment of this.environments) if (!environment.alive) this.environments.delete(environment);
    if (this.environments.size >= this.definition.maxEnvironments) return undefined;
    const environment = new Environment(this.definition, this.onLog);
    this.environments.add(environment);
    return environment;
  }

  private release(environment: Environment): void {
    if (environment.alive) this.idle.push(environment);
    else this.environments.delete(environment);
    if (this.stopped || this.waiters.length === 0) return;
    const next = this.takeIdle() ?? this.create();
    const waiter = next === undefined ? undefined : this.waiters.shift();
    if (waiter !== undefined) this.serve(waiter, next);
  }

  private giveUp(waiter: Waiter): void {
    const index = this.waiters.indexOf(waiter);
    if (index !== -1) this.waiters.splice(index, 1);
    this.serve(waiter, undefined);
  }

  private serve(waiter: Waiter, environment: Environment | undefined): void {
    clearTimeout(waiter.timer);
    waiter.take(environment);
  }
}
