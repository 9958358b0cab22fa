import type { Delivery } from './delivery.ts';
import type { Postback } from './entities.ts';
import { compileTemplate, expandTemplate, POSTBACK_MACROS } from './macros.ts';
import { parseParameters } from './parameters.ts';
import type { OutboundRequest } from './ports.ts';

/**
 * The call that tells a publisher of a delivery. The URL is expanded in full whatever the method is, so that a receiver
 * that routes by its query keeps working; a POST carries the query's parameters as form or JSON fields besides.
 */
export function buildRequest(
  delivery: Pick<Delivery, 'id' | 'event' | 'values'>,
  postback: Postback,
  { at, userAgent }: { at: number; userAgent: string },
): OutboundRequest {
  const values: Record<string, string | undefined> = { ...delivery.values, event: delivery.event };
  values['status'] = translate(values['status'], postback.statusWords);
  values['goal'] = translate(values['goal'], postback.goalWords);
  const url = new URL(expandTemplate(compileTemplate(postback.url, POSTBACK_MACROS), (macro) => values[macro]));
  url.hash = '';
  const headers = {
    'User-Agent': userAgent,
    'Webhook-Id': delivery.id,
    'Webhook-Timestamp': String(Math.floor(at / 1_000)),
  };
  const query = url.search.slice(1);
  switch (postback.method) {
    case 'GET':
      return { method: 'GET', url: url.href, headers, body: null };
    case 'POST_FORM':
      return {
        method: 'POST',
        url: url.href,
        headers: { ...headers, 'Content-Type': 'application/x-www-form-urlencoded' },
        body: query,
      };
    case 'POST_JSON':
      return {
        method: 'POST',
        url: url.href,
        headers: { ...headers, 'Content-Type': 'application/json' },
        body: JSON.stringify(Object.fromEntries(parseParameters(query))),
      };
  }
}

function translate(word: string | undefined, words: Readonly<Record<string, string>>): string | undefined {
  return word !== undefined && Object.hasOwn(words, word) ? words[word] : word;
}
