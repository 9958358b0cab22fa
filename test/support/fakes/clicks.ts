import type { Click } from '../../../lambdas/core/entities.ts';
import type { ClickReader, ClickWriter } from '../../../lambdas/core/ports.ts';

/** Clicks in memory. */
export class FakeClicks implements ClickReader, ClickWriter {
  readonly #clicks = new Map<string, Click>();

  async put(click: Click) {
    if (!this.#clicks.has(click.id)) this.#clicks.set(click.id, click);
  }

  async click(id: string) {
    return this.#clicks.get(id) ?? null;
  }
}
