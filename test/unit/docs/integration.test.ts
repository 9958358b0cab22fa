import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { CLICK_VALUES } from '../../../lambdas/core/entities.ts';
import type { Sender } from '../../../lambdas/core/entities.ts';
import {
  knownNames,
  namesOf,
  PARAMETER_ALIASES,
  PARAMETER_NAMES,
  parsePostback,
  readToken,
} from '../../../lambdas/core/postback-request.ts';
import { BULK_REASONS, CONVERSION_REASONS, TRANSPORT_REASONS } from '../../../lambdas/core/reasons.ts';
import { readCall } from '../../../lambdas/core/received-call.ts';
import { checkDestinationUrl } from '../../../lambdas/core/url-rules.ts';
import { ACCESS } from '../../../lambdas/management/access.ts';
import { newAdjustment } from '../../../lambdas/management/schemas/adjustment.ts';
import { bulkChange } from '../../../lambdas/management/schemas/bulk.ts';
import { createCampaignSchema } from '../../../lambdas/management/schemas/campaign.ts';
import { entityId } from '../../../lambdas/management/schemas/common.ts';
import { newAdvertiserSchema, publisherSchema } from '../../../lambdas/management/schemas/party.ts';
import { createPostbackSchema } from '../../../lambdas/management/schemas/postback.ts';
import { readReports } from '../../../lambdas/management/schemas/report.ts';
import { newTokenSchema, senderSchema } from '../../../lambdas/management/schemas/sender.ts';
import { validate, wrongFields } from '../../../lambdas/management/validation.ts';
import { aCall, aSender } from '../../support/conversions.ts';
import { docBlocks, INTEGRATION_PAGES } from '../../support/integration-docs.ts';

const CODES = { ...CONVERSION_REASONS, ...TRANSPORT_REASONS };
type Code = keyof typeof CODES;

/** What only somebody with a token or a key can be told. */
const OF_SENDERS: readonly Code[] = [
  ...(['INVALID_SECURITY_TOKEN', 'IP_NOT_ALLOWED', 'CONVERSION_NOT_FOUND'] as const),
  ...(['STATUS_REMEMBERED', 'AMOUNT_CHANGED', 'INVALID_STATUS'] as const),
];
const OF_BROWSERS: readonly Code[] = ['QUEUED', 'NO_CLICK'];
const OF_TRANSPORT: readonly Code[] = ['METHOD_NOT_ALLOWED', 'BODY_TOO_LARGE', 'UNSUPPORTED_CONTENT_TYPE'];
/** What nobody sees who is shown a picture, and no hit has. */
const ANSWERED_ONLY: readonly Code[] = [...OF_TRANSPORT, 'QUEUED', 'TEMPORARILY_UNAVAILABLE'];

const PAGES = [...INTEGRATION_PAGES].map(([page, markdown]) => ({ page, markdown }));

describe('codes', () => {
  const ways: readonly { page: string; never: readonly Code[]; always?: string }[] = [
    { page: 'postback.md', never: OF_BROWSERS },
    { page: 'tag.md', never: OF_SENDERS },
    { page: 'pixel.md', never: [...OF_SENDERS, ...ANSWERED_ONLY], always: '200' },
    { page: 'batch-api.md', never: [...OF_BROWSERS, ...OF_TRANSPORT, 'IP_NOT_ALLOWED'] },
  ];

  test.each(ways)('$page explains exactly the codes of its way, with their status (invariant 10)', (way) => {
    const { page, never, always } = way;
    const rows = sectionOf(page, 'Codes').matchAll(/^\| `([A-Z_]+)` \| ([\d or]+) \|/gm);
    const expected = Object.entries(CODES).filter(([code]) => !never.some((other) => other === code));
    expect(Object.fromEntries([...rows].map(([, code, http]) => [code, http]))).toEqual(
      Object.fromEntries(
        expected.map(([code, { http }]) => {
          // Where the campaign records unknown goals, it is accepted.
          return [code, always ?? (code === 'UNKNOWN_GOAL' ? `${http} or 200` : String(http))];
        }),
      ),
    );
  });

  test('batch-api.md explains exactly the codes of a bulk change', () => {
    const codes = firstColumn(sectionOf('batch-api.md', 'Validate')).filter((word) => /^[A-Z_]+$/.test(word));
    expect(codes.toSorted()).toEqual(Object.keys(BULK_REASONS).toSorted());
  });

  test.each(PAGES)('$page names no code that does not exist', ({ markdown }) => {
    const placeholders = ['ADVERTISER', 'CAMPAIGN', 'CLICK_ID', 'EUR', 'KEY', 'PUBLISHER', 'THEIRS', 'TOKEN', 'USD'];
    const known = new Set([...Object.keys(CODES), ...Object.keys(BULK_REASONS), ...placeholders]);
    const named = codeSpans(markdown).filter((word) => /^[A-Z_]+$/.test(word));
    expect(named.filter((word) => !known.has(word))).toEqual([]);
  });
});

describe('names', () => {
  test('the index explains parameters under the names that a call may use', () => {
    const rows = [...sectionOf('README.md', 'What the words mean').matchAll(/^\| (`[^|]+) \| ([^|]*)\|/gm)];
    expect(rows).not.toEqual([]);
    for (const [, names = '', aliases = ''] of rows) {
      expect(codeSpans(names).filter((name) => !PARAMETER_NAMES.includes(name))).toEqual([]);
      expect(codeSpans(aliases)).toEqual(PARAMETER_ALIASES.get(codeSpans(names)[0] ?? '') ?? []);
    }
  });

  test.each(PAGES)('every route of the management API that $page names exists', ({ markdown }) => {
    const routes = Object.keys(ACCESS).map((route) => new RegExp(`^${route.replace(/:\w+/g, '[^/]+')}$`));
    const named = codeSpans(markdown).filter((text) => /^[A-Z]+ \/v1\//.test(text));
    expect(named.filter((text) => !routes.some((route) => route.test(text)))).toEqual([]);
  });

  test.each(PAGES)('the links of $page lead somewhere', ({ page, markdown }) => {
    const folder = new URL('../../../docs/integration/', import.meta.url);
    const links = [...withoutBlocks(markdown).matchAll(/\]\(([^)]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (link.startsWith('https://')) return false;
      const target = fileURLToPath(new URL(link.startsWith('#') ? page : link, folder));
      const [, anchor] = link.split('#', 2);
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(readFileSync(target, 'utf8')).includes(anchor));
    });
    expect(broken).toEqual([]);
  });
});

describe('URLs', () => {
  test.each(docBlocks('text destination'))('a destination of $page can be saved: $text', ({ text }) => {
    expect(checkDestinationUrl(text.trim(), { allowLoopback: false })).toBeNull();
  });

  test.each(docBlocks('text tracking-link'))('a tracking link of $page says what a click keeps: $text', ({ text }) => {
    const { origin, pathname, searchParams } = new URL(text.trim());
    const kept = ['campaign_id', 'pub_id', ...CLICK_VALUES];
    expect(origin + pathname).toBe('https://track.example/click');
    expect([...searchParams.keys()].filter((name) => !kept.includes(name))).toEqual([]);
  });

  const incoming = docBlocks('text incoming').flatMap(({ page, text }) =>
    text.split('\n').flatMap((url) => (url === '' ? [] : [{ page, url }])),
  );
  test.each(incoming)('what another system calls by $page is a report, its macros filled in: $url', ({ page, url }) => {
    const sender = senderOf(page);
    const { origin, pathname, searchParams } = new URL(url);
    expect(origin + pathname).toMatch(/^https:\/\/track\.example\/postback\/[\w-]+$/);
    expect([...searchParams.keys()].filter((name) => !knownNames(sender).has(name))).toEqual([]);

    const samples: Readonly<Record<string, string>> = {
      sale_amount: '3.99',
      currency: 'usd',
      status: Object.keys(sender.statusMap)[0] ?? 'approved',
    };
    for (const [name, value] of [...searchParams]) {
      const main = PARAMETER_NAMES.find((candidate) => namesOf(candidate, sender).includes(name)) ?? '';
      searchParams.set(name, value.replace(/\{[\w-]+\}|\([\w-]+\)/g, samples[main] ?? 'x'));
    }
    expect(read(searchParams.toString(), sender)).toMatchObject({ clickId: 'x' });
    expect(searchParams.has('security_token')).toBe(sender.tokenRequired);
  });
});

describe('bodies', () => {
  const loopback = { allowLoopback: true, ownHosts: [] };
  const schemas: Readonly<Record<string, z.ZodType>> = {
    sender: senderSchema,
    postback: createPostbackSchema({ allowLoopback: false, ownHosts: [] }),
    adjustment: newAdjustment,
    bulk: bulkChange,
    advertisers: newAdvertiserSchema,
    publishers: publisherSchema,
    campaigns: createCampaignSchema(loopback.allowLoopback),
    postbacks: createPostbackSchema(loopback),
    'senders/appsflyer/tokens': newTokenSchema,
    adjustments: newAdjustment,
    'conversions/bulk': bulkChange,
  };
  const ofPages = docBlocks('json')
    .filter(({ info }) => info !== 'json batch')
    .map(({ page, info, text }) => ({ page, kind: info.replace('json ', ''), text }));
  const ofTrials = docBlocks('sh').flatMap(({ page, text }) =>
    [...text.matchAll(/^api \$V1\/(\S+)(?: -H '[^']+')?(?: \\\n)? +-d '([^']+)'/gm)].map(
      ([, kind = '', body = '']) => ({ page, kind, text: body }),
    ),
  );

  test('there is one of each kind', () => {
    const kinds = [...ofPages, ...ofTrials].map(({ kind }) => kind);
    expect(Object.keys(schemas).filter((kind) => !kinds.includes(kind))).toEqual([]);
  });

  test.each([...ofPages, ...ofTrials])('$kind of $page is accepted: $text', ({ kind, text }) => {
    const schema = schemas[kind.replace('-patch', '')];
    if (schema === undefined) throw new Error(`no schema for "${kind}"`);
    const { id, ...document } = json(text);
    expect(id ?? 'generated').toMatch(/^[\w-]+$/);
    const required = kind === 'sender-patch' ? { name: 'A sender', advertiser_ids: ['ADVERTISER'] } : {};
    expect(wrongFields(schema, { ...required, ...document })).toEqual([]);
  });
});

test.each(docBlocks('json batch'))('each item of the batch of $page is a report', ({ text }) => {
  for (const call of readReports({ body: json(text), text })) {
    expect(parsePostback(call, null)).toMatchObject({ txnId: expect.stringMatching(/^ORDER-/) as unknown });
  }
});

describe('HTML', () => {
  const pixels = docBlocks('html').filter(({ text }) => /^<(?:img|iframe) /.test(text));
  test.each(pixels)('$info reports the sale', ({ text }) => {
    const [, url = ''] = /src="([^"]+)"/.exec(text.replaceAll('&amp;', '&')) ?? [];
    expect(url).toMatch(/^https:\/\/track\.example\/pixel\.(?:gif|html)\?/);
    expectSale(new URL(url).searchParams);
  });

  const calls = docBlocks('html').filter(({ text }) => text.includes("flowback('convert'"));
  test.each(calls)('$info reports the sale', ({ text }) => {
    const said: unknown[][] = [];
    const flowback = (...call: unknown[]) => void said.push(call);
    const page = createContext({ flowback, window: { flowback } });
    for (const [, script = ''] of text.matchAll(/<script>([^]*?)<\/script>/g)) runInContext(script, page);
    expect(said).toEqual([['convert', expect.any(Object)]]);
    expectSale(new URLSearchParams({ click_id: 'x', ...(said[0]?.[1] as Record<string, string>) }));
  });

  function expectSale(parameters: URLSearchParams): void {
    expect([...parameters.keys()].filter((name) => !PARAMETER_NAMES.includes(name))).toEqual([]);
    const sale = { txnId: 'ORDER-1', goal: 'sale', saleAmount: '49.90', currency: 'USD' };
    expect(read(parameters.toString(), null)).toMatchObject(sale);
  }
});

function read(query: string, sender: Sender | null) {
  const received = readCall(aCall({ query }));
  if (typeof received === 'string') throw new Error(received);
  return parsePostback(received, sender, readToken(received, sender) === null ? 'click_or_campaign' : 'click_or_txn');
}

/** The sender that a page sets up; otherwise the one that came with the advertiser, with the page's change to it. */
function senderOf(page: string): Sender {
  const [block] = [...docBlocks('json sender'), ...docBlocks('json sender-patch')].filter(
    (found) => found.page === page,
  );
  const document = validate(senderSchema.extend({ id: entityId.optional() }), {
    name: 'A sender',
    advertiser_ids: ['ADVERTISER'],
    ...json(block?.text ?? '{}'),
  });
  const { token_required: tokenRequired, parameters, status_map: statusMap, decimals } = document;
  return aSender({ tokenRequired, parameters, statusMap, decimals });
}

function json(text: string): Record<string, unknown> {
  return JSON.parse(text) as Record<string, unknown>;
}

function sectionOf(page: string, heading: string): string {
  const [, rest] = (INTEGRATION_PAGES.get(page) ?? '').split(`\n## ${heading}\n`, 2);
  if (rest === undefined) throw new Error(`${page} has no section "${heading}"`);
  return withoutBlocks(rest).split(/^## /m, 1)[0] ?? '';
}

function withoutBlocks(markdown: string): string {
  return markdown.replace(/^```[^]*?^```$/gm, '');
}

function codeSpans(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/`([^`]+)`/g)].map(([, text = '']) => text);
}

function firstColumn(section: string): string[] {
  return [...section.matchAll(/^\|([^|]+)\|/gm)].flatMap(([, cell = '']) => codeSpans(cell));
}

/** As GitHub makes them of headings. */
function anchorsOf(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
