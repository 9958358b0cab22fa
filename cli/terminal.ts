/** Where a command writes to; results on `out`, all that is about the command itself on `err`. */
export interface Terminal {
  /** Width in characters; null: the output goes into a file or a pipe, where lines may have any length. */
  readonly columns: number | null;
  out(text: string): void;
  err(text: string): void;
  /** A line about long work that the next one replaces; '' takes it away. Nothing where nobody watches. */
  progress(text: string): void;
  /** What somebody types in; null: nobody is there to be asked. A secret is not shown while it is typed. */
  ask: ((question: string, options?: { readonly secret?: boolean }) => Promise<string>) | null;
}

/** Width of text that is broken into lines where the output has none of its own. */
export const TEXT_WIDTH = 100;

/** Exit codes that scripts can rely on; docs/cli.md says what they mean. */
export const EXIT = { fine: 0, wrong: 1, usage: 2, unavailable: 3, denied: 4 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What the caller must write differently: one line, exit code 2. */
export class UsageError extends Error {}

/** What went wrong although the command was well written, and what to do about it. */
export class Failure extends Error {
  readonly exit: ExitCode;
  /** Lines below the message: what is wrong in particular, what to do next. */
  readonly details: readonly string[];

  constructor(
    message: string,
    { exit = EXIT.wrong, details = [] }: { exit?: ExitCode; details?: readonly string[] } = {},
  ) {
    super(message);
    this.exit = exit;
    this.details = details;
  }
}
