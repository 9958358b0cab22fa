import { PARAMETER_NAMES } from '../../core/postback-request.ts';
import { EXAMPLE_IDS } from './requests.ts';

/** The tracking API's paths; docs/integration says more of each. */
interface TrackingOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: object;
}

const TEXT = { type: 'string' };

/** What a parameter means, and a value that it may have. */
const PARAMETERS: Readonly<Record<string, readonly [description: string, example: string]>> = {
  campaign_id: ['The campaign', 'summer'],
  pub_id: ['The publisher', 'tia'],
  'p#': ['The publisher’s own parameter; `p1` is its click ID', 'a-click-of-theirs'],
  source: ['The publisher’s own source', 'newsletter'],
  creative: ['What was clicked on', 'banner-7'],
  app_name: ['The app that shows the link', 'A game'],
  url: ['Deep link, where the campaign allows its host', 'https://xyz.example/shoes'],
  sender_id: ['The sender', 'xyz'],
  click_id: ['The click; without it token and `txn_id` must name a conversion that exists', EXAMPLE_IDS.click],
  security_token: [
    'Of the sender; also accepted as `token` and as `Authorization: Bearer`. Required, unless the sender needs none',
    'q2k4s5v3b7x2n6c4r5t7y2u3ipaqd6zl',
  ],
  goal: ['A goal’s id, name or one of its match words; left out: the default goal', 'sale'],
  txn_id: ['The advertiser’s own id of the transaction, 1 to 128 characters', 'ORDER-1'],
  sale_amount: ['What the customer paid, a plain decimal; required where payout or revenue is a part of it', '49.90'],
  currency: ['ISO 4217 code; left out: the campaign’s', 'USD'],
  revenue: ['What the advertiser owes, where the goal accepts it', '4.99'],
  payout: ['What the publisher gets, where the goal accepts it', '2.50'],
  status: ['`approved`, `pending`, `rejected` or a word that means one; left out: the goal’s', 'approved'],
  action: ['`add` (default), `change` or `upsert`', 'add'],
  'sub#': ['The advertiser’s own parameter', 'blue'],
  coupon: ['The coupon that the customer used', 'TIA20'],
  gaid: ['Google advertising id', '38400000-8cf0-11bd-b23e-10b96e40000d'],
  idfa: ['Apple advertising id', '6d92078a-8246-4ba4-ae5b-76104861e7dc'],
  ip: ['Address of the customer; cut before it is kept', '203.0.113.7'],
  user_agent: ['Browser of the customer', 'Mozilla/5.0'],
};

function parameter(name: string, where: 'query' | 'path', required = where === 'path') {
  const [description = '', example = ''] = PARAMETERS[name.replace(/^(p|sub)\d+$/, '$1#')] ?? [];
  return { name, in: where, ...(required && { required }), description, example, schema: TEXT };
}
const query = (names: readonly string[]) => names.map((name) => ({ $ref: `#/components/parameters/${keyOf(name)}` }));
const keyOf = (name: string) => `tracking.${name}`;

const LINK = [parameter('campaign_id', 'query', true), parameter('pub_id', 'query', true)];
const SHORT_LINK = [parameter('campaign_id', 'path'), parameter('pub_id', 'path')];
const VISIT_NAMES = [...Array.from({ length: 10 }, (_, i) => `p${i + 1}`), 'source', 'creative', 'app_name', 'url'];
const VISIT = query(VISIT_NAMES);
const REPORTED = query(PARAMETER_NAMES);
const OF_SENDERS = new Set(['security_token', 'status', 'action', 'payout', 'revenue']);
const PIXEL = PARAMETER_NAMES.filter((name) => !OF_SENDERS.has(name));

const REPORT = { 'application/json': { schema: { $ref: '#/components/schemas/Report' } } };
const header = (description: string) => ({ description, schema: TEXT });
const content = (type: string) => ({ [type]: { schema: TEXT } });

const ELSEWHERE = { headers: { location: header('Destination or fallback') } };
const LATER = { headers: { 'retry-after': header('Seconds') } };

const redirect = {
  '302': { description: 'To the destination or the fallback', ...ELSEWHERE },
  '404': { description: 'Not for this link, and there is no fallback', content: content('text/html') },
  '503': { description: 'Storage is down and the link is not known here', ...LATER },
};

const reported = {
  '200': { description: 'Recorded, changed or a duplicate', content: REPORT },
  '202': { description: 'Kept; recorded later', content: REPORT },
  '400': { description: 'The call cannot be read', content: REPORT },
  '422': { description: 'Refused; kept as a hit', content: REPORT },
  '503': { description: 'Nothing was recorded; try again', content: REPORT, ...LATER },
};
const reportedBySender = {
  ...reported,
  '401': { description: 'INVALID_SECURITY_TOKEN', content: REPORT },
  '403': { description: 'IP_NOT_ALLOWED', content: REPORT },
  '409': { description: 'CONFLICTING_CONVERSION', content: REPORT },
};
const withBody = {
  '413': { description: 'The body is over 64 kB', content: REPORT },
  '415': { description: 'The body is of another type', content: REPORT },
};

const body = (types: readonly string[], names: readonly string[]) => {
  const properties = Object.fromEntries(names.map((name) => [name, { type: ['string', 'null'] }]));
  const example = { click_id: EXAMPLE_IDS.click, txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' };
  return {
    content: Object.fromEntries(types.map((type) => [type, { schema: { type: 'object', properties }, example }])),
  };
};
const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const shown = (description: string, type: string) => ({ '200': { description, content: content(type) } });

function click(name: string, link: readonly object[]): Record<'get' | 'head', TrackingOperation> {
  const parameters = [...link, ...VISIT];
  return {
    get: {
      operationId: `get${name}`,
      summary: 'Redirects a visitor and records the click',
      description: 'The answer never says why it leads to the fallback. Other methods are answered 405',
      parameters,
      responses: redirect,
    },
    head: {
      operationId: `head${name}`,
      summary: 'Where a click would lead',
      description: 'Counted as a look ahead (`PREFETCH`), which is no click',
      parameters,
      responses: { ...redirect, '404': { description: redirect['404'].description } },
    },
  };
}

function postback(name: string, path: readonly object[]): Record<'get' | 'post', TrackingOperation> {
  const parameters = [...path, ...REPORTED];
  const summary = 'An advertiser reports a conversion';
  const description = 'Kept as a hit, accepted or not. Other methods are answered 405, without effect';
  return {
    get: { operationId: `get${name}`, summary, description, parameters, responses: reportedBySender },
    post: {
      operationId: `post${name}`,
      summary,
      description: `${description}. What the body says goes before the query`,
      parameters,
      requestBody: body([FORM, JSON_TYPE], PARAMETER_NAMES),
      responses: { ...reportedBySender, ...withBody },
    },
  };
}

const PATHS: Readonly<Record<string, Readonly<Partial<Record<'get' | 'head' | 'post', TrackingOperation>>>>> = {
  '/click': click('Click', LINK),
  '/c/{campaign_id}/{pub_id}': click('ShortClick', SHORT_LINK),
  '/impression': {
    get: {
      operationId: 'getImpression',
      summary: 'Counts an impression of a tracking link',
      description: 'Robots and looks ahead do not count',
      parameters: [...LINK, ...VISIT],
      responses: shown('The same image, whatever became of it', 'image/gif'),
    },
  },
  '/postback': postback('Postback', []),
  '/postback/{sender_id}': postback('PostbackOfSender', [parameter('sender_id', 'path')]),
  '/acquisition': postback('Acquisition', []),
  '/acquisition/{sender_id}': postback('AcquisitionOfSender', [parameter('sender_id', 'path')]),
  '/pixel.gif': {
    get: {
      operationId: 'getPixel',
      summary: 'A browser reports a conversion',
      description: 'The click by `click_id` or by the cookie of the visit. It needs no token, so it changes nothing',
      parameters: query(PIXEL),
      responses: shown('The same image, whatever became of it', 'image/gif'),
    },
  },
  '/pixel.html': {
    get: {
      operationId: 'getPixelFrame',
      summary: 'The pixel for an iframe',
      description: 'As the image',
      parameters: query(PIXEL),
      responses: shown('The same page, whatever became of it', 'text/html'),
    },
  },
  '/tag.js': {
    get: {
      operationId: 'getTag',
      summary: 'The tag',
      description: 'Keeps the click ID of the landing page, and reports conversions',
      responses: {
        ...shown('The script', 'application/javascript'),
        '304': { description: 'The one that `If-None-Match` names' },
      },
    },
  },
  '/tag.txt': {
    get: {
      operationId: 'getTagElement',
      summary: 'The tag to paste into a page',
      description: 'For shops that may load no foreign script',
      responses: shown('An element', 'text/plain'),
    },
  },
  '/tag/convert': {
    post: {
      operationId: 'postTagConversion',
      summary: 'The tag reports a conversion',
      description: 'From any origin. Answered without payout and revenue; without a token it changes nothing',
      requestBody: body([JSON_TYPE, 'text/plain'], PIXEL),
      responses: { ...reported, ...withBody },
    },
  },
};

const SERVERS = [
  { url: 'https://{host}', variables: { host: { default: 'track.example', description: 'Of the tracking API' } } },
];

/** Those in queries, which many operations share. */
export const TRACKING_PARAMETERS = Object.fromEntries(
  [...VISIT_NAMES, ...PARAMETER_NAMES].map((name) => [keyOf(name), parameter(name, 'query')]),
);

export const TRACKING_PATHS = Object.fromEntries(
  Object.entries(PATHS).map(([path, methods]) => [
    path,
    {
      servers: SERVERS,
      ...Object.fromEntries(
        Object.entries(methods).map(([method, operation]) => [
          method,
          { tags: ['Tracking'], ...operation, security: [] },
        ]),
      ),
    },
  ]),
);
