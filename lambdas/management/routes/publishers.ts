import type * as z from 'zod';
import { entityHandlers, showEntity } from '../entities.ts';
import type { Resource } from '../entities.ts';
import { byStatus, listCatalog } from '../lists.ts';
import { publisherSchema } from '../schemas/party.ts';

const publishers: Resource<'publisher', z.infer<typeof publisherSchema>> = {
  kind: 'publisher',
  schema: publisherSchema,
  readOnly: [],
  cached: true,
  complete: async (parsed) => parsed,
  show: ({ name, status, metadata }) => ({ name, status, metadata }),
  related: () => [],
};

const { create, get, patch, archive } = entityHandlers(publishers);

export const publisherHandlers = {
  'POST /v1/publishers': create,
  'GET /v1/publishers': listCatalog('publisher', (publisher) => showEntity(publishers, publisher), {
    status: byStatus,
  }),
  'GET /v1/publishers/:id': get,
  'PATCH /v1/publishers/:id': patch,
  'DELETE /v1/publishers/:id': archive,
};
