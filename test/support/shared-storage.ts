import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startDynamodbLocal } from '../../local/engines/dynamodb-local.ts';
import type { SharedStorage } from './storage.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Answers a {@link SharedStorage} as JSON. */
    readonly sharedStorage: string;
  }
}

/**
 * Global set-up of vitest: one DynamoDB Local for all test files, because a new one and the stack's template cost each of
 * them six seconds of CPU. Made when the first file asks for it, so that unit tests do not wait for Java.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  let engine: ReturnType<typeof startDynamodbLocal> | undefined;
  const describe = async (): Promise<SharedStorage> => {
    engine = startDynamodbLocal();
    const { tableInputs } = await import('./table-inputs.ts');
    return { endpoint: (await engine).endpoint, inputs: tableInputs() };
  };
  let storage: Promise<SharedStorage> | undefined;

  const server = createServer((_, response) => {
    storage ??= describe();
    storage.then(
      (found) => response.end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  project.provide('sharedStorage', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);

  return async () => {
    server.close();
    await (await engine)?.stop();
  };
}
