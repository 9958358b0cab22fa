import { PARAMETER_NAMES } from '../../core/postback-request.ts';

/** The tracking API's paths in short; docs/integration says more of each. */
const click = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8', 'p9', 'p10', 'source', 'creative', 'app_name', 'url'];
const pixel = PARAMETER_NAMES.filter(
  (name) => !['security_token', 'status', 'action', 'payout', 'revenue'].includes(name),
);
const reports = PARAMETER_NAMES.map(optional);

const CAMPAIGN = { name: 'campaign_id', required: true };
const PUBLISHER = { name: 'pub_id', required: true };

function optional(name: string) {
  return { name, in: 'query', schema: { type: 'string' } };
}
const inQuery = (parameter: object) => ({ ...parameter, in: 'query', schema: { type: 'string' } });
const inPath = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });

const REPORT = { 'application/json': { schema: { $ref: '#/components/schemas/Report' } } };

const redirect = {
  '302': { description: 'To the destination or the fallback', headers: { location: { schema: { type: 'string' } } } },
  '404': { description: 'There is no fallback' },
  '503': { description: 'Storage is down and the link is not known here' },
};
const reported = {
  '200': { description: 'Recorded, changed or a duplicate', content: REPORT },
  '202': { description: 'Kept; recorded later', content: REPORT },
  '400': { description: 'The call cannot be read', content: REPORT },
  '401': { description: 'INVALID_SECURITY_TOKEN', content: REPORT },
  '403': { description: 'IP_NOT_ALLOWED', content: REPORT },
  '405': { description: 'METHOD_NOT_ALLOWED', content: REPORT },
  '409': { description: 'CONFLICTING_CONVERSION', content: REPORT },
  '413': { description: 'The body is over 64 kB', content: REPORT },
  '415': { description: 'The body is of another type', content: REPORT },
  '422': { description: 'Refused; kept as a hit', content: REPORT },
  '503': {
    description: 'Nothing was recorded; try again',
    content: REPORT,
    headers: { 'retry-after': { schema: { type: 'string' } } },
  },
};

interface TrackingOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters?: readonly object[];
  readonly requestBody?: object;
  readonly responses: object;
}

const body = {
  content: Object.fromEntries(
    ['application/x-www-form-urlencoded', 'application/json'].map((type) => [type, { schema: { type: 'object' } }]),
  ),
};
const file = (type: string) => ({ '200': { description: 'The file', content: { [type]: {} } } });

const postback = (suffix: string, parameters: readonly object[]): Record<'get' | 'post', TrackingOperation> => ({
  get: {
    operationId: `getPostback${suffix}`,
    summary: 'An advertiser reports a conversion',
    parameters: [...parameters, ...reports],
    responses: reported,
  },
  post: {
    operationId: `postPostback${suffix}`,
    summary: 'An advertiser reports a conversion',
    parameters: [...parameters, ...reports],
    requestBody: body,
    responses: reported,
  },
});

const PATHS: Readonly<Record<string, Readonly<Record<string, TrackingOperation>>>> = {
  '/click': {
    get: {
      operationId: 'getClick',
      summary: 'Redirects a visitor and records the click',
      parameters: [inQuery(CAMPAIGN), inQuery(PUBLISHER), ...click.map(optional)],
      responses: redirect,
    },
  },
  '/c/{campaign_id}/{pub_id}': {
    get: {
      operationId: 'getShortClick',
      summary: 'The short form of /click',
      parameters: [inPath(CAMPAIGN.name), inPath(PUBLISHER.name), ...click.map(optional)],
      responses: redirect,
    },
  },
  '/postback': postback('', []),
  '/postback/{sender_id}': postback('OfSender', [inPath('sender_id')]),
  '/pixel.gif': {
    get: {
      operationId: 'getPixel',
      summary: 'A browser reports a conversion',
      parameters: pixel.map(optional),
      responses: { '200': { description: 'The same image, whatever became of it', content: { 'image/gif': {} } } },
    },
  },
  '/pixel.html': {
    get: {
      operationId: 'getPixelFrame',
      summary: 'The pixel for an iframe',
      parameters: pixel.map(optional),
      responses: { '200': { description: 'The same page, whatever became of it', content: { 'text/html': {} } } },
    },
  },
  '/tag.js': { get: { operationId: 'getTag', summary: 'The tag', responses: file('application/javascript') } },
  '/tag.txt': {
    get: { operationId: 'getTagElement', summary: 'The tag to paste into a page', responses: file('text/plain') },
  },
  '/tag/convert': {
    post: {
      operationId: 'postTagConversion',
      summary: 'The tag reports a conversion; answered without payout and revenue',
      requestBody: { content: { 'application/json': { schema: { type: 'object' } } } },
      responses: reported,
    },
  },
};

const SERVERS = [
  { url: 'https://{host}', variables: { host: { default: 'track.example', description: 'Of the tracking API' } } },
];

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
