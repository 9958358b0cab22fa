import type { Role } from '../core/entities.ts';

const ADMIN: readonly Role[] = ['admin'];
const WRITE: readonly Role[] = ['admin', 'manager'];
const READ: readonly Role[] = ['admin', 'manager', 'analyst'];
/** Bound keys get their own alone, without what is the other side's: the routes see to it. */
const READ_SENT: readonly Role[] = [...READ, 'publisher'];
const READ_OWN: readonly Role[] = [...READ, 'publisher', 'advertiser'];
const REPORT: readonly Role[] = [...WRITE, 'advertiser'];
/** No key needed. */
const OPEN = null;

/**
 * Every route and the roles that may use it: the only place that says so. docs/roles.md has what keys bound to a
 * publisher or an advertiser see. Before they may use another route, its answer needs the projection that leaves out what
 * they must not see.
 */
export const ACCESS = {
  'GET /v1/health': OPEN,
  'GET /v1/openapi.json': OPEN,

  'POST /v1/advertisers': WRITE,
  'GET /v1/advertisers': READ,
  'GET /v1/advertisers/:id': READ,
  'PATCH /v1/advertisers/:id': WRITE,
  'DELETE /v1/advertisers/:id': WRITE,

  'POST /v1/senders': WRITE,
  'GET /v1/senders': READ,
  'GET /v1/senders/:id': READ,
  'PATCH /v1/senders/:id': WRITE,
  'DELETE /v1/senders/:id': WRITE,
  'POST /v1/senders/:id/tokens': WRITE,
  'DELETE /v1/senders/:id/tokens/:token_id': WRITE,

  'POST /v1/publishers': WRITE,
  'GET /v1/publishers': READ,
  'GET /v1/publishers/:id': READ,
  'PATCH /v1/publishers/:id': WRITE,
  'DELETE /v1/publishers/:id': WRITE,

  'POST /v1/campaigns': WRITE,
  'GET /v1/campaigns': READ_SENT,
  'GET /v1/campaigns/:id': READ_SENT,
  'PATCH /v1/campaigns/:id': WRITE,
  'DELETE /v1/campaigns/:id': WRITE,
  'GET /v1/campaigns/:id/link': READ_SENT,
  'GET /v1/campaigns/:id/caps': READ_SENT,

  'POST /v1/postbacks': WRITE,
  'GET /v1/postbacks': READ,
  'GET /v1/postbacks/:id': READ,
  'PATCH /v1/postbacks/:id': WRITE,
  'DELETE /v1/postbacks/:id': WRITE,
  'POST /v1/postbacks/:id/test': WRITE,
  'POST /v1/postbacks/:id/replay': WRITE,

  'GET /v1/clicks/:id': READ_SENT,
  'POST /v1/clicks/:id/test-conversion': WRITE,
  'POST /v1/conversions': REPORT,
  'GET /v1/conversions': READ_OWN,
  'GET /v1/conversions/:id': READ_OWN,
  'PATCH /v1/conversions/:id': WRITE,
  'POST /v1/conversions/bulk': WRITE,
  'POST /v1/adjustments': WRITE,
  'GET /v1/adjustments': READ,
  'GET /v1/adjustments/:id': READ,
  'GET /v1/deliveries': READ_SENT,
  'GET /v1/deliveries/:id': READ_SENT,
  'POST /v1/deliveries/:id/replay': WRITE,
  'GET /v1/dead-letters': READ,
  'POST /v1/dead-letters/redrive': WRITE,
  'GET /v1/hits': READ,
  'GET /v1/hits/:id': READ,
  'POST /v1/hits/:id/retry': WRITE,

  'GET /v1/settings': READ,
  'PATCH /v1/settings': ADMIN,

  'POST /v1/keys': ADMIN,
  'GET /v1/keys': ADMIN,
  'GET /v1/keys/:id': ADMIN,
  'PATCH /v1/keys/:id': ADMIN,
  'DELETE /v1/keys/:id': ADMIN,

  // Changes of keys only to who may read keys.
  'GET /v1/audit': READ,
} as const satisfies Record<string, readonly Role[] | null>;

export type RouteName = keyof typeof ACCESS;
