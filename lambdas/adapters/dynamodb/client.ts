import { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/**
 * One client an environment. Timeouts so that two tries fit well inside every function's time limit: an answer that
 * says "try again" beats one that never comes. The endpoint comes from AWS_ENDPOINT_URL_DYNAMODB where that is set.
 */
export function createDynamoDb(): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: 3,
    requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
  });
}
