/**
 * Time and turns of many that work at once: whoever takes a turn goes on when his time has come, and of several whose time
 * has come any may be next. What `random` is made of determines all of it.
 */
export class Interleaving {
  now: number;
  readonly #random: () => number;
  #waiting: { readonly at: number; readonly go: () => void }[] = [];

  constructor(now: number, random: () => number) {
    this.now = now;
    this.#random = random;
  }

  /** Waits so long, and then for one's turn. */
  turn(milliseconds = 0): Promise<void> {
    return new Promise((go) => this.#waiting.push({ at: this.now + milliseconds, go }));
  }

  /** The methods of a port, each of which takes a turn before its effect and one before its answer. */
  inTurns<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]): Promise<unknown> => {
          await this.turn();
          const result: unknown = await Reflect.apply(method, target, args);
          await this.turn();
          return result;
        };
      },
    });
  }

  /** Runs until nobody waits for a turn any more. */
  async run(work: readonly Promise<unknown>[]): Promise<void> {
    const all = Promise.all(work);
    await settled();
    while (this.#waiting.length > 0) {
      this.now = Math.max(this.now, Math.min(...this.#waiting.map(({ at }) => at)));
      const ready = this.#waiting.filter(({ at }) => at <= this.now);
      const next = ready[Math.floor(this.#random() * ready.length)];
      this.#waiting = this.#waiting.filter((one) => one !== next);
      next?.go();
      await settled();
    }
    await all;
  }
}

/** All that can go on without a turn has gone on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
