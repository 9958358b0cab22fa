import { randomBytes } from 'node:crypto';
import type { Context } from 'aws-lambda';
import { createDynamoDb } from '../adapters/dynamodb/client.ts';
import { createManagementCatalog } from '../adapters/dynamodb/management-catalog.ts';
import { bootstrap } from '../core/bootstrap.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { log } from '../runtime/log.ts';

const network = requireEnv(ENV.network);
const deps = {
  catalog: createManagementCatalog(createDynamoDb(), {
    catalog: requireEnv(ENV.catalogTable),
    audit: requireEnv(ENV.auditTable),
  }),
  now: Date.now,
  random: randomBytes,
};

interface BootstrapAnswer {
  readonly admin_key: string | null;
  readonly network_name: string;
}

/** Invoked by hand, with nothing or with `{"network_name": ..., "admin_key": ...}`; see docs/operations.md. */
export const handler = async (event: unknown, { awsRequestId: requestId }: Context): Promise<BootstrapAnswer> => {
  const { adminKey, networkName } = await bootstrap(
    { networkName: textOf(event, 'network_name') ?? network, adminKey: textOf(event, 'admin_key'), requestId },
    deps,
  );
  log('bootstrap_done', { network_name: networkName, key_made: adminKey !== null });
  return { admin_key: adminKey, network_name: networkName };
};

function textOf(event: unknown, name: string): string | null {
  const value: unknown = Object.entries(event ?? {}).find(([key]) => key === name)?.[1];
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string' || value === '') throw new TypeError(`${name} must be text`);
  return value;
}
