import type { Terminal } from './terminal.ts';

/** All of the outside that commands touch; built once by the launcher, another one by each test. */
export interface World {
  readonly terminal: Terminal;
  readonly env: Readonly<Partial<Record<string, string>>>;
  /** Where profiles are kept. */
  readonly profilesFile: string;
  readonly fetch: typeof fetch;
  /** Milliseconds; for latencies, not a date. */
  readonly now: () => number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly uuid: () => string;
  /** A file, or with `-` standard input. Throws as Node does. */
  readonly readText: (path: string) => Promise<string>;
}
