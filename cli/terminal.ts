/** Where a command writes to; results on `out`, all that is about the command itself on `err`. */
export interface Terminal {
  /** Width in characters. */
  readonly columns: number;
  out(text: string): void;
  err(text: string): void;
}

/** Exit codes that scripts can rely on. */
export const EXIT = { fine: 0, wrong: 1, usage: 2 } as const;

/** What the caller must write differently: one line, exit code 2. */
export class UsageError extends Error {}
