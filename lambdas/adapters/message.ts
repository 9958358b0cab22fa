/** What messages of our queues are written and read with. The readers throw for what is not what they are named for. */
export function toBody(message: object): string {
  // JSON.stringify leaves these two characters as they are, and SQS refuses them.
  // https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
  return JSON.stringify(message).replace(/[\ufffe\uffff]/g, (odd) => `\\u${odd.charCodeAt(0).toString(16)}`);
}

export function orNull<T>(value: unknown, parse: (value: unknown) => T): T | null {
  return value === null ? null : parse(value);
}

export function object(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new TypeError('no object');
  return { ...value };
}

export function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value;
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('no text');
  return value;
}
