/**
 * The log line of what neither storage nor its spool took; its field `spooled` is the message that the spool would have got.
 */
export type LostEvent = 'click_not_stored' | 'pixel_not_stored';

interface LostMessages {
  /** Each message once. */
  readonly messages: ReadonlySet<string>;
  /** How often the event is named where no whole line of ours could be read. */
  readonly unreadable: number;
}

/**
 * Finds our log lines in text: as they were written, after a prefix, in CSV, or as strings or objects inside JSON, however
 * deep: what `aws logs filter-log-events`, `get-query-results` and the exports of Logs Insights print.
 */
export function findLostMessages(text: string, event: LostEvent): LostMessages {
  const messages = new Set<string>();
  let unreadable = 0;

  const inValue = (value: unknown): void => {
    if (typeof value === 'string') inText(value);
    else if (Array.isArray(value)) value.forEach(inValue);
    else if (typeof value === 'object' && value !== null) {
      if (!('event' in value) || value.event !== event) Object.values(value).forEach(inValue);
      else if ('spooled' in value && typeof value.spooled === 'string') messages.add(value.spooled);
      else unreadable += 1;
    }
  };
  const inText = (part: string): void => {
    if (!part.includes(event)) return;
    const value = parse(part.trim());
    if (value !== undefined) return inValue(value);
    const lines = part.split('\n').filter((line) => line.includes(event));
    if (lines.length > 1) return lines.forEach(inText);
    const [line = ''] = lines;
    const ours = [line, line.replaceAll('""', '"')]
      .map((one) => linesIn(one, event))
      .find((found) => found.length > 0) ?? [undefined];
    for (const object of ours) {
      if (object === undefined) unreadable += 1;
      else inValue(object);
    }
  };

  inText(text);
  return { messages, unreadable };
}

/** JSON that holds more than text and numbers, or undefined. */
function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Our lines inside another, one behind the other; undefined: one that cannot be read. */
function linesIn(line: string, event: LostEvent): unknown[] {
  const start = `{"level":"error","event":"${event}"`;
  const [, ...tails] = line.split(start);
  return tails.map((tail) => firstObject(start + tail));
}

/** The object that a text begins with. */
function firstObject(text: string): unknown {
  // No value of ours is an object, and a brace inside a string is not followed by what makes the rest valid JSON.
  for (let end = text.indexOf('}'); end >= 0; end = text.indexOf('}', end + 1)) {
    const value = parse(text.slice(0, end + 1));
    if (value !== undefined) return value;
  }
  return undefined;
}
