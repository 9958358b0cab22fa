import type { Click } from '../../../lambdas/core/entities.ts';
import type { ClickClaims, ClickRecorder, RecordedClick } from '../../../lambdas/core/ports.ts';

/** Keeps clicks and their claims, and says of a click whatever it is told to say. */
export class FakeClickRecorder implements ClickRecorder {
  readonly recorded: { readonly click: Click; readonly claims: ClickClaims | null }[] = [];
  verdict: (click: Click) => RecordedClick = (click) => ({ click, countedAt: null });

  async record(click: Click, claims: ClickClaims | null) {
    const recorded = this.verdict(click);
    this.recorded.push({ click: recorded.click, claims });
    return recorded;
  }
}
