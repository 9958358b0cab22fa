import type { Handlers } from '../api.ts';
import type { Deps } from '../http.ts';
import { ok } from '../http.ts';
import { adjustmentHandlers } from './adjustments.ts';
import { advertiserHandlers } from './advertisers.ts';
import { auditHandlers } from './audit.ts';
import { bulkHandlers } from './bulk.ts';
import { campaignHandlers } from './campaigns.ts';
import { conversionHandlers } from './conversions.ts';
import { deadLetterHandlers } from './dead-letters.ts';
import { deliveryHandlers } from './deliveries.ts';
import { factHandlers } from './facts.ts';
import { hitHandlers } from './hits.ts';
import { keyHandlers } from './keys.ts';
import { postbackHandlers } from './postbacks.ts';
import { publisherHandlers } from './publishers.ts';
import { senderHandlers } from './senders.ts';
import { settingsHandlers } from './settings.ts';
import { testConversionHandlers } from './test-conversions.ts';

/** The handler of every route. Schemas that depend on the environment are made here, once. */
export function createHandlers(deps: Deps): Handlers {
  return {
    'GET /v1/health': async () => ok({ status: 'ok' }),
    'GET /v1/openapi.json': async (_, { openApi }) => ok(openApi()),
    ...advertiserHandlers,
    ...senderHandlers,
    ...publisherHandlers,
    ...campaignHandlers(deps),
    ...postbackHandlers(deps),
    ...keyHandlers,
    ...auditHandlers,
    ...settingsHandlers(deps),
    ...conversionHandlers,
    ...bulkHandlers,
    ...adjustmentHandlers,
    ...factHandlers,
    ...testConversionHandlers,
    ...deliveryHandlers,
    ...deadLetterHandlers,
    ...hitHandlers,
  };
}
