import { createHash } from 'node:crypto';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { campaignId, PUBLISHER } from './catalog.ts';
import type { CampaignKind } from './catalog.ts';

export interface VisitOptions {
  readonly campaign: CampaignKind;
  /** `usual`: what most links carry; `every`: each parameter of the contract, at a length that is usual for it. */
  readonly parameters: 'usual' | 'every';
}

/** As browsers and the browsers inside apps send them. */
const USER_AGENTS = [
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0',
  'Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.7 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Linux; Android 15; SAMSUNG SM-S928B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Instagram 382.0.0.24.84 (iPhone14,5; iOS 18_5; en_US; en; scale=3.00; 1170x2532; 735043829; IABMV/1)',
  'Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.7390.122 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/530.0.0.48.74;IABMV/1;]',
] as const;

/** A browser inside an app, beyond what is kept of a user agent. */
const LONG_USER_AGENT =
  'Mozilla/5.0 (Linux; Android 14; SM-A546B Build/UP1A.231005.007; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/141.0.7390.122 Mobile Safari/537.36 ' +
  'musical_ly_2024105030 JsSdk/1.0 NetType/WIFI Channel/googleplay AppName/musical_ly app_version/41.5.3 ByteLocale/en ByteFullLocale/en Region/DE';

const LANGUAGES = ['en-US,en;q=0.9', 'de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7', 'pt-BR,pt;q=0.9', 'fr'] as const;

/**
 * A visit of a browser as the redirect gets it from an HTTP API, payload format 2.0; each `index` is another visitor, the
 * same each time.
 */
export function visit(index: number, options: VisitOptions): APIGatewayProxyEventV2 {
  const random = createHash('sha256').update(String(index)).digest('hex');
  const campaign = campaignId(options.campaign);
  const parameters = options.parameters === 'every' ? everyParameter(random) : usualParameters(random);
  const short = index % 3 !== 0;
  if (!short) parameters.unshift(['campaign_id', campaign], ['pub_id', PUBLISHER]);
  const userAgent = options.parameters === 'every' ? LONG_USER_AGENT : at(USER_AGENTS, index);
  const path = short ? `/c/${campaign}/${PUBLISHER}` : '/click';
  const routeKey = short ? 'ANY /c/{campaign_id}/{pub_id}' : 'ANY /click';
  const sourceIp = [index >> 16, index >> 8, index].map((byte) => `.${byte & 255}`).join('');
  const event: APIGatewayProxyEventV2 = {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: parameters.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&'),
    headers: headersOf(random, userAgent, at(LANGUAGES, index), `81${sourceIp}`),
    queryStringParameters: Object.fromEntries(parameters),
    requestContext: {
      accountId: '123456789012',
      apiId: 'a1b2c3d4e5',
      domainName: 'go.example',
      domainPrefix: 'go',
      http: { method: 'GET', path, protocol: 'HTTP/1.1', sourceIp: `81${sourceIp}`, userAgent },
      requestId: `${random.slice(0, 12)}oAMEVqQ=`,
      routeKey,
      stage: '$default',
      time: '22/Nov/2026:23:04:05 +0000',
      timeEpoch: 1_795_388_645_000,
    },
    isBase64Encoded: false,
  };
  if (short) event.pathParameters = { campaign_id: campaign, pub_id: PUBLISHER };
  if (index % 2 === 0) {
    const click = (of: string) =>
      `${of}=${createHash('sha256')
        .update(of + random)
        .digest('hex')
        .replace(/[^a-f]/g, '2')
        .slice(0, 32)}`;
    event.cookies = [
      `fb_bench=${['winter-sale', 'spring-sale', 'games-7'].map(click).join('&')}`,
      '_ga=GA1.1.1843.176',
    ];
  }
  return event;
}

function headersOf(random: string, userAgent: string, language: string, address: string): Record<string, string> {
  return {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
    'accept-encoding': 'gzip, deflate, br, zstd',
    'accept-language': language,
    'content-length': '0',
    host: 'go.example',
    referer: 'https://blog.example/best-running-shoes-2026',
    'sec-ch-ua': '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"',
    'sec-ch-ua-mobile': '?1',
    'sec-ch-ua-platform': '"Android"',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': 'cross-site',
    'sec-fetch-user': '?1',
    'upgrade-insecure-requests': '1',
    'user-agent': userAgent,
    'x-amzn-trace-id': `Root=1-69224a05-${random.slice(0, 24)}`,
    'x-forwarded-for': address,
    'x-forwarded-port': '443',
    'x-forwarded-proto': 'https',
  };
}

function usualParameters(random: string): [string, string][] {
  return [
    ['p1', random.slice(0, 32)],
    ['p2', '120213456789012345'],
    ['p3', 'feed left column'],
    ['source', `site-${random.slice(0, 6)}`],
    ['creative', 'banner_300x250_autumn_v3'],
  ];
}

/** Each parameter once, as long as its kind usually is. */
function everyParameter(random: string): [string, string][] {
  const uuid = random.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*/, '$1-$2-$3-$4-$5');
  const base64url = Buffer.from(random.repeat(5), 'hex').toString('base64url');
  return [
    ['p1', random.slice(0, 32)],
    ['p2', '120213456789012345'],
    ['p3', '120213456789567890'],
    ['p4', '120213456789901234'],
    ['p5', 'Instagram_Stories'],
    ['p6', 'running shoes women'],
    ['p7', 'lp-03'],
    ['p8', 'email_2026_11_22'],
    ['p9', 'variant_b'],
    ['p10', 'de-by'],
    ['source', `site-${random.slice(0, 10)}`],
    ['creative', 'banner_300x250_autumn_v3'],
    ['app_name', 'com.example.weatherradar'],
    ['gaid', uuid],
    ['idfa', uuid.toUpperCase()],
    ['android_id', random.slice(0, 16)],
    // Lengths as the platforms' own examples have them.
    ['gclid', `Cj0KCQiA${base64url.slice(0, 83)}`],
    ['fbclid', `IwAR${base64url.slice(0, 57)}`],
    ['ttclid', `E.C.P.${base64url.slice(0, 60)}`],
    ['msclkid', random.slice(0, 32)],
    ['gdpr', '1'],
    // A TC string without vendor sections is 44 characters; with those of a few dozen vendors about 100.
    ['gdpr_consent', `CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA.${base64url.slice(0, 55)}`],
    ['us_privacy', '1YNN'],
    ['gpp', 'DBABLA~BVQqAAAAAgA.QA'],
    ['gpp_sid', '7,8'],
  ];
}

function at<T>(values: readonly T[], index: number): T {
  const value = values[index % values.length];
  if (value === undefined) throw new RangeError('no values');
  return value;
}
