import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

import { codeOf } from '../../errors.ts';
import type { Message } from './message.ts';

/** What a queue tells before it acts on it. A method that throws has recorded nothing. */
export interface Journal {
  readonly sent: (queue: string, messages: readonly Message[]) => void;
  readonly received: (messages: readonly Message[]) => void;
  /** The consumer chose when a message can be received again. */
  readonly hidden: (id: string, until: number) => void;
  readonly moved: (id: string, queue: string, from: string) => void;
  readonly deleted: (id: string) => void;
  readonly purged: (queue: string) => void;
}

/** For queues that live in memory only. */
export const NO_JOURNAL: Journal = {
  sent: () => undefined,
  received: () => undefined,
  hidden: () => undefined,
  moved: () => undefined,
  deleted: () => undefined,
  purged: () => undefined,
};

interface StoredMessage extends Message {
  queue: string;
}

type Entry =
  | { readonly type: 'sent'; readonly queue: string; readonly message: Message }
  | { readonly type: 'received'; readonly id: string; readonly receives: number; readonly first: number }
  | { readonly type: 'hidden'; readonly id: string; readonly until: number }
  | { readonly type: 'moved'; readonly id: string; readonly queue: string; readonly from: string }
  | { readonly type: 'deleted'; readonly id: string }
  | { readonly type: 'purged'; readonly queue: string };

const COMPACT_BYTES = 16 * 1024 * 1024;

/**
 * Keeps queues in a file: one line of JSON for each thing that happened, written before it is acknowledged. A line that
 * was handed to the kernel survives the end of this process, so there is no fsync: the journal guards against a kill,
 * not against a power cut. The file is written anew, with the messages only, at start and when it has grown.
 */
export class FileJournal implements Journal {
  private readonly path: string;
  private readonly messages: Map<string, StoredMessage>;
  private file: number;
  private size = 0;
  private compactAt = COMPACT_BYTES;

  /** Opens the journal, or starts one. Only one process may have it open. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    this.messages = replay(readEntries(path));
    this.file = this.compact();
  }

  /** The messages of a queue, in the order in which they were sent. */
  messagesOf(queue: string): Message[] {
    return [...this.messages.values()].filter((message) => message.queue === queue).map(toMessage);
  }

  sent(queue: string, messages: readonly Message[]): void {
    this.write(messages.map((message) => ({ type: 'sent', queue, message: toMessage(message) })));
  }

  received(messages: readonly Message[]): void {
    this.write(
      messages.map(({ id, receives, firstReceivedAt }) => ({
        type: 'received',
        id,
        receives,
        first: firstReceivedAt ?? Date.now(),
      })),
    );
  }

  hidden(id: string, until: number): void {
    this.write([{ type: 'hidden', id, until }]);
  }

  moved(id: string, queue: string, from: string): void {
    this.write([{ type: 'moved', id, queue, from }]);
  }

  deleted(id: string): void {
    this.write([{ type: 'deleted', id }]);
  }

  purged(queue: string): void {
    this.write([{ type: 'purged', queue }]);
  }

  close(): void {
    closeSync(this.file);
  }

  private write(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    try {
      writeAll(this.file, bytes);
    } catch (error) {
      // A full disk: take back what was written in part, so that the next line stands alone.
      ftruncateSync(this.file, this.size);
      throw error;
    }
    this.size += bytes.length;
    for (const entry of entries) apply(this.messages, entry);
    if (this.size > this.compactAt) {
      closeSync(this.file);
      this.file = this.compact();
    }
  }

  private compact(): number {
    const temporary = `${this.path}.new`;
    const file = openSync(temporary, 'w', 0o600);
    const entries = [...this.messages.values()].map((message): Entry => ({
      type: 'sent',
      queue: message.queue,
      message: toMessage(message),
    }));
    const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    writeAll(file, bytes);
    closeSync(file);
    renameSync(temporary, this.path);
    this.size = bytes.length;
    this.compactAt = Math.max(COMPACT_BYTES, 4 * bytes.length);
    return openSync(this.path, 'a', 0o600);
  }
}

function writeAll(file: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length;) offset += writeSync(file, bytes, offset);
}

function readEntries(path: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  const lines = text.split('\n');
  // What follows the last line end was never acknowledged.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry);
}

function replay(entries: readonly Entry[]): Map<string, StoredMessage> {
  const messages = new Map<string, StoredMessage>();
  for (const entry of entries) apply(messages, entry);
  return messages;
}

function apply(messages: Map<string, StoredMessage>, entry: Entry): void {
  switch (entry.type) {
    case 'sent':
      messages.set(entry.message.id, { ...entry.message, queue: entry.queue });
      return;
    case 'received': {
      const message = messages.get(entry.id);
      if (message === undefined) return;
      // Who received it has ended with us: after a restart it can be received at once.
      message.visibleAt = 0;
      message.receives = entry.receives;
      message.firstReceivedAt = entry.first;
      return;
    }
    case 'hidden': {
      const message = messages.get(entry.id);
      if (message !== undefined) message.visibleAt = entry.until;
      return;
    }
    case 'moved': {
      const message = messages.get(entry.id);
      if (message === undefined) return;
      message.queue = entry.queue;
      message.visibleAt = 0;
      message.deadLetterOf = entry.from;
      return;
    }
    case 'deleted':
      messages.delete(entry.id);
      return;
    case 'purged':
      for (const [id, message] of messages) if (message.queue === entry.queue) messages.delete(id);
      return;
  }
}

function toMessage(message: Message): Message {
  const { id, body, attributes, groupId, sentAt, visibleAt, receives, firstReceivedAt, deadLetterOf } = message;
  return {
    id,
    body,
    attributes,
    groupId,
    sentAt,
    visibleAt,
    receives,
    firstReceivedAt,
    deadLetterOf,
    receipt: undefined,
  };
}
