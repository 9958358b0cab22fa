import * as z from 'zod';

const click = z.object({
  id: z.string(),
  code: z.string(),
  p1: z.string().nullish(),
  source: z.string().nullish(),
});

const conversion = z.object({
  id: z.string(),
  click_id: z.string(),
  status: z.string(),
  code: z.string(),
  p1: z.string().nullish(),
  source: z.string().nullish(),
  txn_id: z.string().nullish(),
  sale_amount: z.string().nullish(),
  currency: z.string(),
  payout: z.string(),
  revenue: z.string(),
});

const delivery = z.object({
  id: z.string(),
  conversion_id: z.string(),
  state: z.string(),
  attempts: z.array(
    z.object({
      number: z.number(),
      duration_ms: z.number().nullish(),
      status: z.number().nullish(),
      error: z.string().nullish(),
      body: z.string().nullish(),
    }),
  ),
});

const hit = z.object({
  id: z.string(),
  route: z.string(),
  click_id: z.string().nullish(),
  code: z.string(),
  query: z.string().nullish(),
});

export type ClickSeen = z.infer<typeof click>;
export type ConversionSeen = z.infer<typeof conversion>;
export type DeliverySeen = z.infer<typeof delivery>;
export type HitSeen = z.infer<typeof hit>;

/** The part of a network's management API that the chain uses. Every call throws unless the answer is as documented. */
export interface Api {
  /** Creates an entity under an id of our choice, or changes the one that has it. */
  ensure(kind: string, id: string, body: object, onlyAtCreation?: object): Promise<void>;
  /** Null: no such click. */
  click(id: string): Promise<ClickSeen | null>;
  conversionsOf(clickId: string): Promise<ConversionSeen[]>;
  deliveriesOf(conversionId: string): Promise<DeliverySeen[]>;
  /** Hits of a sender. `from` bounds what the network has to search: hits are filed by the hour. */
  hitsOf(senderId: string, from: Date): Promise<HitSeen[]>;
}

/** A client of one network's management API. */
export function connectApi(url: string, adminKey: string): Api {
  const call = async (method: string, path: string, body?: object): Promise<{ status: number; text: string }> => {
    const headers: Record<string, string> = { authorization: `Bearer ${adminKey}` };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const response = await fetch(`${url}/v1/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(15_000),
    });
    return { status: response.status, text: await response.text() };
  };
  const refuse = (method: string, path: string, { status, text }: { status: number; text: string }): never => {
    throw new Error(`${method} ${url}/v1/${path} answered ${status}: ${text.slice(0, 300)}`);
  };
  const list = async <T>(path: string, item: z.ZodType<T>): Promise<T[]> => {
    const answer = await call('GET', path);
    if (answer.status !== 200) return refuse('GET', path, answer);
    return z.object({ items: z.array(item) }).parse(JSON.parse(answer.text)).items;
  };
  return {
    ensure: async (kind, id, body, onlyAtCreation = {}) => {
      const created = await call('POST', kind, { id, ...body, ...onlyAtCreation });
      if (created.status === 201) return;
      if (created.status !== 409) refuse('POST', kind, created);
      const path = `${kind}/${id}`;
      const changed = await call('PATCH', path, body);
      if (changed.status !== 200) refuse('PATCH', path, changed);
    },
    click: async (id) => {
      const path = `clicks/${id}`;
      const answer = await call('GET', path);
      if (answer.status === 404) return null;
      return answer.status === 200 ? click.parse(JSON.parse(answer.text)) : refuse('GET', path, answer);
    },
    conversionsOf: (clickId) => list(`conversions?click_id=${clickId}`, conversion),
    deliveriesOf: (conversionId) => list(`deliveries?conversion_id=${conversionId}`, delivery),
    hitsOf: (senderId, from) => list(`hits?sender_id=${senderId}&from=${from.toISOString()}&limit=200`, hit),
  };
}
