import { afterEach, describe, expect, it, vi } from 'vitest';
import { awsEndpoint } from '../../../../lambdas/adapters/aws-json/client.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('the endpoint of a service', () => {
  it.each([
    ['dynamodb', 'eu-central-1', 'https://dynamodb.eu-central-1.amazonaws.com'],
    ['sqs', 'us-gov-west-1', 'https://sqs.us-gov-west-1.amazonaws.com'],
    ['sqs', 'cn-north-1', 'https://sqs.cn-north-1.amazonaws.com.cn'],
  ] as const)('is the region’s own: %s in %s', (service, region, endpoint) => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', undefined);
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', undefined);
    expect(awsEndpoint(service, region)).toBe(endpoint);
  });

  it('is the one that the environment names for this service', () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'http://127.0.0.1:1');
    vi.stubEnv('AWS_ENDPOINT_URL_SQS', 'http://127.0.0.1:2');
    expect(awsEndpoint('dynamodb', 'eu-central-1')).toBe('http://127.0.0.1:1');
    expect(awsEndpoint('sqs', 'eu-central-1')).toBe('http://127.0.0.1:2');
  });
});
