/**
 * Names of the environment variables that the stack sets and the functions read: the one thing that lib/ and
 * lambdas/ share. `local/` overrides some of them by name; it imports nothing from here on purpose.
 */
export const ENV = {
  /** Name of this deployment, `^[a-z0-9-]{1,32}$`; part of the click cookie's name. */
  network: 'NETWORK',
  catalogTable: 'CATALOG_TABLE',
  clicksTable: 'CLICKS_TABLE',
  conversionsTable: 'CONVERSIONS_TABLE',
  deliveriesTable: 'DELIVERIES_TABLE',
  hitsTable: 'HITS_TABLE',
  countersTable: 'COUNTERS_TABLE',
  auditTable: 'AUDIT_TABLE',
  notificationsQueueUrl: 'NOTIFICATIONS_QUEUE_URL',
  notificationsDeadLettersUrl: 'NOTIFICATIONS_DEAD_LETTERS_URL',
  clickSpoolQueueUrl: 'CLICK_SPOOL_QUEUE_URL',
  pixelSpoolQueueUrl: 'PIXEL_SPOOL_QUEUE_URL',
  /** Public base URL of the tracking API, without a trailing slash. */
  trackingUrl: 'TRACKING_URL',
  /** Public base URL of the management API, without a trailing slash. */
  apiUrl: 'API_URL',
  /** How many workers may call one endpoint at a time. */
  endpointSlots: 'ENDPOINT_SLOTS',
  /** Seconds that the redirect may use a catalog item without reading it again; 0: read each time. */
  cacheSeconds: 'CACHE_SECONDS',
  /** Where a visitor goes whom an environment cannot place while storage is down; unset: 503. */
  fallbackUrl: 'FALLBACK_URL',
  /** SHA-256, in hex, of the secret that a distribution in front sends along; unset: there is none. */
  distributionSecretSha256: 'DISTRIBUTION_SECRET_SHA256',
  /** File name of an IP-to-country database in the function's folder; unset: there is none. */
  countryDatabase: 'COUNTRY_DATABASE',
} as const;

/**
 * Read by the functions but never set by the stack: `local/` alone sets them, and a test of the template holds that.
 */
export const LOCAL_ENV = {
  /** `loopback`: 127.0.0.0/8, ::1 and localhost are allowed on any port as destinations and postbacks. */
  egress: 'LOCAL_EGRESS',
  /** `0,1,2`: seconds before each delivery attempt, without jitter, floor or Retry-After. */
  retrySchedule: 'LOCAL_RETRY_SCHEDULE',
} as const;

/** Names of indexes that the stack creates and the adapters query. */
export const INDEX = {
  conversions: {
    byMonth: 'by_month',
    byCampaign: 'by_campaign',
    byPublisher: 'by_publisher',
    byAdvertiser: 'by_advertiser',
    byClick: 'by_click',
    byDue: 'by_due',
  },
  deliveries: { byMonth: 'by_month', byPublisher: 'by_publisher', byDue: 'by_due', byStuck: 'by_stuck' },
  audit: { bySubject: 'by_subject' },
} as const;

/** The tag, as browsers get it, in the folder of the function that serves it. */
export const TAG_FILE = 'tag.js';

/** The management API's OpenAPI document, in the folder of the function that serves it. */
export const OPENAPI_FILE = 'openapi.json';

/** The value of a variable that the stack sets. Throws at start, not in the middle of a request. */
export function requireEnv(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new Error(`environment variable ${name} is not set`);
  return value;
}
