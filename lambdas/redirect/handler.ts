import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createCatalogReader } from '../adapters/aws4/catalog-reader.ts';
import { createClickWriter } from '../adapters/aws4/click-writer.ts';
import { createDynamoDb } from '../adapters/aws4/dynamodb.ts';
import { toClickItem } from '../adapters/dynamodb/click-item.ts';
import { cacheCatalog } from '../core/catalog-cache.ts';
import type { Click } from '../core/entities.ts';
import { StorageUnavailable } from '../core/ports.ts';
import type { ClickRequest } from '../core/click-request.ts';
import { redirect } from '../core/redirect.ts';
import { ENV, requireEnv } from '../runtime/environment.ts';
import { describeError, log } from '../runtime/log.ts';
import { toClickRequest, toResult, unavailable } from './http.ts';

const region = requireEnv('AWS_REGION');
const endpoint = process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? `https://dynamodb.${region}.amazonaws.com`;
const cacheMilliseconds = Number(requireEnv(ENV.cacheSeconds)) * 1_000;
const fallbackUrl = process.env[ENV.fallbackUrl];

const db = createDynamoDb(endpoint, region);
const writer = createClickWriter(db, requireEnv(ENV.clicksTable));
const catalog = cacheCatalog({
  reader: createCatalogReader(db, requireEnv(ENV.catalogTable)),
  now: Date.now,
  lifetime: cacheMilliseconds,
  sleep,
  onStale: (error) => log('catalog_stale', describeError(error)),
});
const locate = ({ sourceIp }: Pick<ClickRequest, 'sourceIp'>) => ({ address: sourceIp, country: null });
const deps = { catalog, locate, now: Date.now, random: randomBytes, network: requireEnv(ENV.network), cacheMilliseconds };

// During init, which has a whole core: the first TLS connection and the keys. The first click does without if this fails.
catalog.macKeys().catch(() => undefined);

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  try {
    const outcome = await redirect(toClickRequest(event), deps);
    if (outcome.kind !== 'methodNotAllowed' && outcome.click !== null) await store(outcome.click);
    return toResult(outcome);
  } catch (error) {
    const name = error instanceof StorageUnavailable ? 'storage_unavailable' : 'unexpected_error';
    log(name, { request_id: event.requestContext.requestId, ...describeError(error) });
    return unavailable(fallbackUrl);
  }
};

/** Never throws: a click that cannot be stored becomes a line of the log from which it can be put (docs/logging.md). */
async function store(click: Click): Promise<void> {
  try {
    await writer.put(click);
  } catch (error) {
    log('click_not_stored', { click_id: click.id, ...describeError(error), item: JSON.stringify(toClickItem(click)) });
  }
}
