import { randomUUID } from 'node:crypto';

import type { Journal } from './journal.ts';
import type { Message } from './message.ts';

/** Settings of a queue, as SQS names them, with its defaults. Times are in seconds. */
export interface QueueSettings {
  readonly visibilityTimeout: number;
  readonly delay: number;
  readonly retention: number;
  readonly receiveWait: number;
  readonly maximumMessageSize: number;
  readonly redrive: { readonly deadLetterArn: string; readonly maxReceiveCount: number } | undefined;
}

interface Waiter {
  readonly limit: number;
  readonly visibilityTimeout: number;
  readonly answer: (messages: Message[]) => void;
  timer: NodeJS.Timeout | undefined;
}

interface QueueCounts {
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

/** A standard queue: at least once, best-effort order, delays, visibility timeouts, long polling, redrive. */
export class Queue {
  readonly name: string;
  readonly arn: string;
  readonly createdAt = Date.now();
  settings: QueueSettings;
  /** The attributes that it was created with. */
  attributes: Readonly<Record<string, string>>;
  private readonly journal: Journal;
  private readonly deadLetterQueue: (arn: string) => Queue | undefined;
  private readonly messages = new Map<string, Message>();
  /** Ids of messages that can be received, oldest first. */
  private readonly visible = new Set<string>();
  private readonly hidden = new TimeHeap();
  private readonly waiters: Waiter[] = [];
  private alarm: NodeJS.Timeout | undefined;

  constructor(
    name: string,
    arn: string,
    attributes: Readonly<Record<string, string>>,
    settings: QueueSettings,
    journal: Journal,
    deadLetterQueue: (arn: string) => Queue | undefined,
  ) {
    this.name = name;
    this.arn = arn;
    this.attributes = attributes;
    this.settings = settings;
    this.journal = journal;
    this.deadLetterQueue = deadLetterQueue;
  }

  /** Takes messages in, after they are in the journal. */
  send(messages: readonly Message[]): void {
    this.journal.sent(this.name, messages);
    for (const message of messages) this.add(message);
    this.wake();
  }

  /** Takes a message in that the journal knows already. */
  add(message: Message): void {
    this.messages.set(message.id, message);
    if (message.visibleAt > Date.now()) this.hidden.push(message.visibleAt, message.id);
    else this.visible.add(message.id);
  }

  /** Receives up to `limit` messages, waiting for the first one at most `waitSeconds`. */
  receive(limit: number, waitSeconds: number, visibilityTimeout: number, closed: AbortSignal): Promise<Message[]> {
    const messages = this.take(limit, visibilityTimeout);
    if (messages.length > 0 || waitSeconds === 0 || closed.aborted) return Promise.resolve(messages);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        limit,
        visibilityTimeout,
        timer: undefined,
        answer: (received) => {
          clearTimeout(waiter.timer);
          const index = this.waiters.indexOf(waiter);
          if (index !== -1) this.waiters.splice(index, 1);
          resolve(received);
        },
      };
      waiter.timer = setTimeout(() => waiter.answer([]), waitSeconds * 1000);
      this.waiters.push(waiter);
      // A caller that is gone must not take messages with it.
      closed.addEventListener('abort', () => waiter.answer([]), { once: true });
      this.setAlarm();
    });
  }

  delete(receipt: string): void {
    const message = this.find(receipt);
    if (message === undefined) return;
    this.journal.deleted(message.id);
    this.remove(message.id);
  }

  /** @returns false if the message is not in flight */
  changeVisibility(receipt: string, seconds: number): boolean {
    const message = this.find(receipt);
    if (message === undefined || message.receipt !== receipt || this.visible.has(message.id)) return false;
    message.visibleAt = Date.now() + seconds * 1000;
    this.journal.hidden(message.id, message.visibleAt);
    if (seconds === 0) this.visible.add(message.id);
    else this.hidden.push(message.visibleAt, message.id);
    this.wake();
    return true;
  }

  purge(): void {
    this.journal.purged(this.name);
    this.messages.clear();
    this.visible.clear();
    this.hidden.clear();
  }

  counts(): QueueCounts {
    this.surface();
    let delayed = 0;
    for (const message of this.messages.values()) {
      if (!this.visible.has(message.id) && message.receipt === undefined) delayed += 1;
    }
    return { visible: this.visible.size, inFlight: this.messages.size - this.visible.size - delayed, delayed };
  }

  /** Answers everybody who waits; the queue can be dropped then. */
  close(): void {
    clearTimeout(this.alarm);
    for (const waiter of [...this.waiters]) waiter.answer([]);
  }

  private take(limit: number, visibilityTimeout: number): Message[] {
    this.surface();
    const taken: Message[] = [];
    for (const id of this.visible) {
      if (taken.length === limit) break;
      this.visible.delete(id);
      const message = this.messages.get(id);
      if (message === undefined) continue;
      if (Date.now() > message.sentAt + this.settings.retention * 1000) {
        this.journal.deleted(id);
        this.messages.delete(id);
      } else if (!this.moveToDeadLetters(message)) {
        taken.push(this.hand(message, visibilityTimeout));
      }
    }
    if (visibilityTimeout === 0) for (const { id } of taken) this.visible.add(id);
    this.journal.received(taken);
    return taken;
  }

  private hand(message: Message, visibilityTimeout: number): Message {
    const now = Date.now();
    message.receives += 1;
    message.firstReceivedAt ??= now;
    message.receipt = `${message.id}.${randomUUID()}`;
    message.visibleAt = now + visibilityTimeout * 1000;
    if (visibilityTimeout > 0) this.hidden.push(message.visibleAt, message.id);
    // A copy: the message may be received again before the answer is written.
    return { ...message };
  }

  private moveToDeadLetters(message: Message): boolean {
    const { redrive } = this.settings;
    if (redrive === undefined || message.receives < redrive.maxReceiveCount) return false;
    const target = this.deadLetterQueue(redrive.deadLetterArn);
    if (target === undefined) return false;
    this.journal.moved(message.id, target.name, this.arn);
    this.messages.delete(message.id);
    target.add({ ...message, visibleAt: 0, receipt: undefined, deadLetterOf: this.arn });
    target.wake();
    return true;
  }

  private find(receipt: string): Message | undefined {
    return this.messages.get(receipt.slice(0, receipt.indexOf('.')));
  }

  private remove(id: string): void {
    this.messages.delete(id);
    this.visible.delete(id);
  }

  /** Makes visible what is due. */
  private surface(): void {
    const now = Date.now();
    for (let id = this.hidden.popDue(now); id !== undefined; id = this.hidden.popDue(now)) {
      const message = this.messages.get(id);
      // The heap may hold older times of the same message.
      if (message !== undefined && message.visibleAt <= now) this.visible.add(id);
    }
  }

  private wake(): void {
    while (this.waiters.length > 0) {
      const [waiter] = this.waiters;
      const messages = waiter === undefined ? [] : this.take(waiter.limit, waiter.visibilityTimeout);
      if (messages.length === 0) break;
      waiter?.answer(messages);
    }
    this.setAlarm();
  }

  /** While somebody waits: looks again when the next message is due. */
  private setAlarm(): void {
    clearTimeout(this.alarm);
    const next = this.hidden.next();
    if (this.waiters.length === 0 || next === undefined) return;
    this.alarm = setTimeout(() => this.wake(), Math.min(Math.max(next - Date.now(), 0) + 1, 60_000));
  }
}

/** Ids by time, earliest first: a binary heap. */
class TimeHeap {
  private readonly items: (readonly [at: number, id: string])[] = [];

  push(at: number, id: string): void {
    const { items } = this;
    let index = items.push([at, id]) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.at(parent) <= this.at(index)) break;
      this.swap(index, parent);
      index = parent;
    }
  }

  next(): number | undefined {
    return this.items[0]?.[0];
  }

  popDue(now: number): string | undefined {
    const [first] = this.items;
    if (first === undefined || first[0] > now) return undefined;
    const last = this.items.pop();
    if (this.items.length > 0 && last !== undefined) {
      this.items[0] = last;
      let index = 0;
      for (;;) {
        const left = 2 * index + 1;
        const smaller = this.at(left + 1) < this.at(left) ? left + 1 : left;
        if (this.at(smaller) >= this.at(index)) break;
        this.swap(index, smaller);
        index = smaller;
      }
    }
    return first[1];
  }

  clear(): void {
    this.items.length = 0;
  }

  private at(index: number): number {
    return this.items[index]?.[0] ?? Infinity;
  }

  private swap(a: number, b: number): void {
    const [itemA, itemB] = [this.items[a], this.items[b]];
    if (itemA === undefined || itemB === undefined) return;
    this.items[a] = itemB;
    this.items[b] = itemA;
  }
}
