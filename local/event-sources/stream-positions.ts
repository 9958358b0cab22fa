import { readIfExists, writePrivate } from '../data-directory.ts';

/**
 * How far each shard of a stream was handled, by shard id: the last sequence number, or null when the shard has ended
 * and all of it was handled. A shard that is not there was not begun.
 */
type ShardPositions = Readonly<Record<string, string | null>>;

interface Consumer {
  readonly stream: string;
  readonly shards: ShardPositions;
}

/** What the consumers of streams have handled; kept in a file if there is one, else in memory. */
export class StreamPositions {
  private readonly path: string | undefined;
  private readonly consumers: Map<string, Consumer>;

  constructor(path?: string) {
    this.path = path;
    const content = path === undefined ? undefined : readIfExists(path);
    const stored = JSON.parse(content ?? '{}') as Record<string, Consumer>;
    this.consumers = new Map(Object.entries(stored));
  }

  /** Undefined: this consumer has never read this stream. */
  get(consumer: string, stream: string): ShardPositions | undefined {
    const known = this.consumers.get(consumer);
    return known?.stream === stream ? known.shards : undefined;
  }

  /** Handed to the kernel when this returns: it survives the end of the process. */
  set(consumer: string, stream: string, shards: ShardPositions): void {
    this.consumers.set(consumer, { stream, shards });
    if (this.path !== undefined) writePrivate(this.path, JSON.stringify(Object.fromEntries(this.consumers)));
  }
}
