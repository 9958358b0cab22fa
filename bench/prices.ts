/**
 * What AWS charges in us-east-1, on demand, without free tiers; dollars. Taken from
 *  https://aws.amazon.com/api-gateway/pricing/
 *  https://aws.amazon.com/dynamodb/pricing/on-demand/
 *  https://aws.amazon.com/lambda/pricing/
 *  https://aws.amazon.com/sqs/pricing/
 *  https://aws.amazon.com/cloudwatch/pricing/
 *  https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer
 */
export const PRICES = {
  asOf: '2026-11-22',
  region: 'us-east-1',
  /** Of the first 300 million a month; answers of up to 512 kB are one. */
  apiRequest: 1 / 1e6,
  lambdaRequest: 0.2 / 1e6,
  /** On arm64. */
  lambdaGigabyteSecond: 0.0000133334,
  writeUnit: 0.625 / 1e6,
  readUnit: 0.125 / 1e6,
  queueRequest: 0.4 / 1e6,
  /** Ingested by CloudWatch Logs. */
  logGigabyte: 0.5,
  /** Out to the internet, the first 10 TB a month. */
  trafficGigabyte: 0.09,
} as const;

/** What clicks are billed. */
export interface BilledUnits {
  readonly apiRequests: number;
  readonly lambdaRequests: number;
  readonly gigabyteSeconds: number;
  readonly writeUnits: number;
  readonly readUnits: number;
  readonly queueRequests: number;
  readonly logBytes: number;
  readonly trafficBytes: number;
}

const BYTES_PER_GIGABYTE = 1e9;

const UNIT_PRICES: Readonly<Record<keyof BilledUnits, number>> = {
  apiRequests: PRICES.apiRequest,
  lambdaRequests: PRICES.lambdaRequest,
  gigabyteSeconds: PRICES.lambdaGigabyteSecond,
  writeUnits: PRICES.writeUnit,
  readUnits: PRICES.readUnit,
  queueRequests: PRICES.queueRequest,
  logBytes: PRICES.logGigabyte / BYTES_PER_GIGABYTE,
  trafficBytes: PRICES.trafficGigabyte / BYTES_PER_GIGABYTE,
};

export const UNIT_NAMES: Readonly<Record<keyof BilledUnits, string>> = {
  apiRequests: 'API Gateway requests',
  lambdaRequests: 'Lambda requests',
  gigabyteSeconds: 'Lambda GB-seconds, assumed',
  writeUnits: 'DynamoDB write units',
  readUnits: 'DynamoDB read units',
  queueRequests: 'SQS requests',
  logBytes: 'bytes of log',
  trafficBytes: 'bytes to visitors',
};

export const BILLED = Object.keys(UNIT_NAMES) as (keyof BilledUnits)[];

/** Dollars for so many units. */
export function priceOf(unit: keyof BilledUnits, amount: number): number {
  return amount * UNIT_PRICES[unit];
}

/** Dollars for all units together. */
export function totalPrice(units: BilledUnits): number {
  return BILLED.reduce((sum, unit) => sum + priceOf(unit, units[unit]), 0);
}
