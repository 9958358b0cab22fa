import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';

const STAGES = ['dev', 'prod'] as const;
export type StageName = (typeof STAGES)[number];

/** A custom domain of one API. Its DNS record is the operator's: the stack does not own the zone. */
export interface DomainConfig {
  readonly domainName: string;
  /** Certificate in the stack's region that covers `domainName`. */
  readonly certificateArn: string;
}

/** What differs between the two HTTP APIs. */
export interface ApiConfig {
  /** Requests a second over time, all routes together. */
  readonly rateLimit: number;
  /** Requests at once. */
  readonly burstLimit: number;
  readonly accessLog: boolean;
  /** @default - the API's own execute-api address */
  readonly domain?: DomainConfig;
}

/** How long data lives and what protects it. */
export interface DataConfig {
  /** What happens to tables, queues and logs when they leave the stack. */
  readonly removalPolicy: RemovalPolicy;
  /** Refuses to delete a table, by the stack or by hand. */
  readonly deletionProtection: boolean;
  /** For the tables that cannot be rebuilt; the others never have it. */
  readonly pointInTimeRecovery: boolean;
}

/** Everything in which one stage differs from another; constructs know no stage. */
export interface StageConfig {
  readonly stage: StageName;
  /** `^[a-z0-9-]{1,32}$`; part of the click cookie's name and of the stack's. */
  readonly network: string;
  readonly trackingApi: ApiConfig;
  readonly managementApi: ApiConfig;
  readonly data: DataConfig;
  readonly logRetention: RetentionDays;
  /** How long an environment of the redirect may use a catalog item without reading it again. */
  readonly catalogCache: Duration;
  /** Most environments that deliver at once; at least 2. */
  readonly deliveryConcurrency: number;
  /** Most environments that store spooled clicks at once; at least 2. */
  readonly spoolConcurrency: number;
  /** Refuses to delete the stack. */
  readonly terminationProtection: boolean;
  /** @default - a visitor who cannot be placed while storage is down gets 503 with Retry-After */
  readonly fallbackUrl?: string;
  /** SHA-256, in hex, of the secret that a distribution in front sends. @default - nothing in front is believed */
  readonly distributionSecretSha256?: string;
  /** Absolute path of an IP-to-country database (.mmdb). @default - countries come from the distribution alone */
  readonly countryDatabase?: string;
  /** An existing SNS topic that hears of every alarm. @default - alarms are shown in CloudWatch only */
  readonly alarmTopicArn?: string;
}

type StageDefaults = Omit<
  StageConfig,
  'stage' | 'network' | 'fallbackUrl' | 'distributionSecretSha256' | 'countryDatabase' | 'alarmTopicArn'
>;

// An account's own limit is 10,000 requests/s with a burst of 5,000 in most regions, shared by all of its APIs: what the
// two get together stays below it, so that a flood on one cannot take the other's share.
// https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
const DEFAULTS: Readonly<Record<StageName, StageDefaults>> = {
  dev: {
    trackingApi: { rateLimit: 2_000, burstLimit: 2_000, accessLog: false },
    managementApi: { rateLimit: 2_000, burstLimit: 2_000, accessLog: true },
    data: { removalPolicy: RemovalPolicy.DESTROY, deletionProtection: false, pointInTimeRecovery: false },
    logRetention: RetentionDays.ONE_WEEK,
    catalogCache: Duration.seconds(30),
    deliveryConcurrency: 10,
    spoolConcurrency: 5,
    terminationProtection: false,
  },
  prod: {
    trackingApi: { rateLimit: 8_000, burstLimit: 4_000, accessLog: false },
    managementApi: { rateLimit: 200, burstLimit: 400, accessLog: true },
    data: { removalPolicy: RemovalPolicy.RETAIN, deletionProtection: true, pointInTimeRecovery: true },
    logRetention: RetentionDays.THREE_MONTHS,
    catalogCache: Duration.seconds(30),
    deliveryConcurrency: 100,
    spoolConcurrency: 20,
    terminationProtection: true,
  },
};

/** What an operator may say at deployment; every value is text because that is what `-c name=value` gives. */
export interface StageOptions {
  /** @default dev */
  readonly stage?: string;
  /** @default flowback */
  readonly network?: string;
  /** @default - none */
  readonly fallbackUrl?: string;
  /** With `trackingCertificateArn`. @default - execute-api */
  readonly trackingDomain?: string;
  readonly trackingCertificateArn?: string;
  /** With `managementCertificateArn`. @default - execute-api */
  readonly managementDomain?: string;
  readonly managementCertificateArn?: string;
  /** Requests a second on the tracking API. @default - by stage */
  readonly trackingRateLimit?: string;
  /** Requests at once on the tracking API. @default - by stage */
  readonly trackingBurstLimit?: string;
  /** `true` or `false`. @default false */
  readonly trackingAccessLog?: string;
  /** Most environments that deliver at once. @default - by stage */
  readonly deliveryConcurrency?: string;
  /** @default - none */
  readonly distributionSecretSha256?: string;
  /** Path of an .mmdb file on the deploying machine. @default - none */
  readonly countryDatabase?: string;
  /** @default - none */
  readonly alarmTopicArn?: string;
}

/** Names of the context values that `resolveStageConfig` understands. */
export const STAGE_OPTION_NAMES = [
  'stage',
  'network',
  'fallbackUrl',
  'trackingDomain',
  'trackingCertificateArn',
  'managementDomain',
  'managementCertificateArn',
  'trackingRateLimit',
  'trackingBurstLimit',
  'trackingAccessLog',
  'deliveryConcurrency',
  'distributionSecretSha256',
  'countryDatabase',
  'alarmTopicArn',
] as const satisfies readonly (keyof StageOptions)[];

const parseStage = (value: string): StageName => {
  const stage = STAGES.find((name) => name === value);
  if (stage === undefined) throw new Error(`stage must be one of ${STAGES.join(', ')}, not '${value}'`);
  return stage;
};

const parseNetwork = (value: string): string => {
  if (!/^[a-z0-9-]{1,32}$/.test(value)) throw new Error(`network must match ^[a-z0-9-]{1,32}$, not '${value}'`);
  return value;
};

const parseWholeNumber = (name: string, value: string, least: number, most: number): number => {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= least && number <= most)) {
    throw new Error(`${name} must be a whole number from ${least} to ${most}, not '${value}'`);
  }
  return number;
};

const parseBoolean = (name: string, value: string): boolean => {
  if (value !== 'true' && value !== 'false') throw new Error(`${name} must be true or false, not '${value}'`);
  return value === 'true';
};

const parseHttpsUrl = (name: string, value: string): string => {
  if (!URL.canParse(value) || new URL(value).protocol !== 'https:') {
    throw new Error(`${name} must be an https URL, not '${value}'`);
  }
  // The parser's spelling: printable ASCII, as a header needs it.
  return new URL(value).href;
};

const parseSecretHash = (value: string): string => {
  // Not repeated in the message: it may be the secret itself.
  if (!/^[0-9a-f]{64}$/.test(value)) {
    throw new Error('distributionSecretSha256 must be the SHA-256 of the secret: 64 digits of lower-case hexadecimal');
  }
  return value;
};

const parseDatabase = (value: string): string => {
  if (!value.endsWith('.mmdb') || statSync(value, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new Error(`countryDatabase must be the path of an .mmdb file, not '${value}'`);
  }
  return resolve(value);
};

const parseDomain = (api: 'tracking' | 'management', options: StageOptions): DomainConfig | undefined => {
  const domainName = options[`${api}Domain`];
  const certificateArn = options[`${api}CertificateArn`];
  if (domainName === undefined && certificateArn === undefined) return undefined;
  if (domainName === undefined || certificateArn === undefined) {
    throw new Error(`${api}Domain and ${api}CertificateArn must be given together`);
  }
  return { domainName, certificateArn };
};

/** Merges what the operator said into the stage's defaults; throws one clear line for a bad value. */
export const resolveStageConfig = (options: StageOptions): StageConfig => {
  const stage = parseStage(options.stage ?? 'dev');
  const defaults = DEFAULTS[stage];
  const { trackingRateLimit, trackingBurstLimit, trackingAccessLog, deliveryConcurrency, fallbackUrl } = options;
  const { distributionSecretSha256, countryDatabase } = options;
  const trackingDomain = parseDomain('tracking', options);
  const managementDomain = parseDomain('management', options);
  return {
    ...defaults,
    stage,
    network: parseNetwork(options.network ?? 'flowback'),
    trackingApi: {
      ...defaults.trackingApi,
      ...(trackingRateLimit === undefined
        ? {}
        : { rateLimit: parseWholeNumber('trackingRateLimit', trackingRateLimit, 1, 100_000) }),
      ...(trackingBurstLimit === undefined
        ? {}
        : { burstLimit: parseWholeNumber('trackingBurstLimit', trackingBurstLimit, 1, 100_000) }),
      ...(trackingAccessLog === undefined ? {} : { accessLog: parseBoolean('trackingAccessLog', trackingAccessLog) }),
      ...(trackingDomain === undefined ? {} : { domain: trackingDomain }),
    },
    managementApi: {
      ...defaults.managementApi,
      ...(managementDomain === undefined ? {} : { domain: managementDomain }),
    },
    ...(deliveryConcurrency === undefined
      ? {}
      : { deliveryConcurrency: parseWholeNumber('deliveryConcurrency', deliveryConcurrency, 2, 1_000) }),
    ...(fallbackUrl === undefined ? {} : { fallbackUrl: parseHttpsUrl('fallbackUrl', fallbackUrl) }),
    ...(distributionSecretSha256 === undefined
      ? {}
      : { distributionSecretSha256: parseSecretHash(distributionSecretSha256) }),
    ...(countryDatabase === undefined ? {} : { countryDatabase: parseDatabase(countryDatabase) }),
    ...(options.alarmTopicArn === undefined ? {} : { alarmTopicArn: options.alarmTopicArn }),
  };
};
