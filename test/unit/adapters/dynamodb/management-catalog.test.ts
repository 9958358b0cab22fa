import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterEach, expect, test } from 'vitest';
import { createManagementCatalog } from '../../../../lambdas/adapters/dynamodb/management-catalog.ts';
import { COMMIT_TIMEOUT } from '../../../../lambdas/core/management-ports.ts';
import { StorageUnavailable } from '../../../../lambdas/core/ports.ts';

let calls = 0;
const server = createServer(() => void calls++);
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

test('a commit that storage does not answer ends in time, and nothing is sent after that', async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    // The second try hangs in the middle of the commit's time, the third would begin after it.
    requestHandler: { requestTimeout: COMMIT_TIMEOUT / 1.5, throwOnRequestTimeout: true },
  });
  const catalog = createManagementCatalog(client, { catalog: 'catalog', audit: 'audit' });
  await expect(catalog.commit([{ op: 'delete', pk: 'publisher', sk: 'tia' }])).rejects.toThrow(StorageUnavailable);
  const sent = calls;
  expect(sent).toBe(2);
  await new Promise((resolve) => setTimeout(resolve, COMMIT_TIMEOUT / 2));
  expect(calls).toBe(sent);
  client.destroy();
});
