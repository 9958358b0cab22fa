import { createHash } from 'node:crypto';
import { auditCreation } from './audit.ts';
import type { AuditEntry, AuditSubject } from './audit.ts';
import { encodeBase32 } from './base32.ts';
import { DEFAULT_SETTINGS } from './entities.ts';
import { newEntityId, SECRET } from './ids.ts';
import type { RandomBytes } from './ids.ts';
import type { CatalogKinds, ManagementCatalog, StoredKey } from './management-ports.ts';
import type { Clock } from './ports.ts';

interface BootstrapInput {
  /** For people; used only if there are no settings yet. */
  readonly networkName: string;
  /** An admin key that is to exist afterwards; null: one is made if there is no key at all. */
  readonly adminKey: string | null;
  /** Of the invocation. */
  readonly requestId: string;
}

interface BootstrapResult {
  /** The key that was given or made; null if there are keys already. It cannot be shown again. */
  readonly adminKey: string | null;
  readonly networkName: string;
}

interface BootstrapDeps {
  readonly catalog: Pick<ManagementCatalog, 'get' | 'list' | 'commit' | 'cursorKey'>;
  readonly now: Clock;
  readonly random: RandomBytes;
}

/** Fixed ids, so that of two bootstraps at once one loses its condition instead of making a second first one. */
const FIRST_MAC_KEY = '0000-first';
const FIRST_API_KEY = 'first';

/**
 * Makes what a network needs before its first request: the MAC key, the key of list cursors, the settings, an admin key. What
 * exists is left as it is, so it may run again at any time. Throws StorageUnavailable; then it is to be run again.
 */
export async function bootstrap(input: BootstrapInput, deps: BootstrapDeps): Promise<BootstrapResult> {
  await ensureMacKey(deps);
  await deps.catalog.cursorKey();
  const networkName = await ensureSettings(input, deps);
  const adminKey =
    input.adminKey === null ? await makeFirstKey(input, deps) : await ensureKey(input.adminKey, input, deps);
  return { adminKey, networkName };
}

async function ensureMacKey({ catalog, now, random }: BootstrapDeps): Promise<void> {
  const ring = await catalog.list('mac_key', null, 1);
  if (ring.length > 0) return;
  const value: CatalogKinds['mac_key'] = { key: random(32), created_at: now() };
  await catalog.commit([{ op: 'create', pk: 'mac_key', sk: FIRST_MAC_KEY, value }]);
}

async function ensureSettings({ networkName, requestId }: BootstrapInput, deps: BootstrapDeps): Promise<string> {
  const { catalog } = deps;
  const shown = {
    network_name: networkName,
    time_zone: DEFAULT_SETTINGS.timeZone,
    currency: DEFAULT_SETTINGS.currency,
    exchange_rates: DEFAULT_SETTINGS.exchangeRates,
    fallback_url: DEFAULT_SETTINGS.fallbackUrl,
    attribution_window_days: DEFAULT_SETTINGS.attributionWindowDays,
    click_retention_days: DEFAULT_SETTINGS.clickRetentionDays,
  };
  const value: CatalogKinds['settings'] = { version: 1, ...shown };
  const lost = await catalog.commit(
    [{ op: 'create', pk: 'settings', sk: 'settings', value }],
    [creation({ kind: 'settings', id: 'settings', version: 1 }, shown, requestId, deps)],
  );
  if (lost === null) return networkName;
  const stored = await catalog.get('settings', 'settings');
  return stored?.network_name ?? networkName;
}

async function makeFirstKey(input: BootstrapInput, deps: BootstrapDeps): Promise<string | null> {
  const keys = await deps.catalog.list('api_key', null, 1);
  if (keys.length > 0) return null;
  const key = `fb_${encodeBase32(deps.random(20))}`;
  return (await putKey(FIRST_API_KEY, key, input, deps)) ? key : null;
}

async function ensureKey(key: string, input: BootstrapInput, deps: BootstrapDeps): Promise<string> {
  if (!SECRET.test(key)) throw new TypeError('admin_key must be 16 to 128 characters of A-Z a-z 0-9 _ -');
  const stored = await deps.catalog.get('api_key_hash', hashOf(key));
  if (stored !== null && stored.role !== 'admin') throw new TypeError('admin_key is a key of another role');
  const { expires_at: end = null } = stored ?? {};
  if (end !== null && end <= deps.now()) throw new TypeError('admin_key has expired');
  if (stored === null) await putKey(newEntityId(deps.random), key, input, deps);
  return key;
}

/** False if it is there already. */
async function putKey(id: string, key: string, { requestId }: BootstrapInput, deps: BootstrapDeps): Promise<boolean> {
  const { catalog, now } = deps;
  const hash = hashOf(key);
  const at = now();
  const value: StoredKey = {
    id,
    version: 1,
    name: 'Bootstrap',
    role: 'admin',
    hash,
    advertiser_id: null,
    publisher_id: null,
    expires_at: null,
    created_at: at,
    updated_at: at,
  };
  const { name, role, expires_at } = value;
  const created_at = new Date(at).toISOString();
  const shown = { id, name, role, expires_at, last_used_at: null, status: 'active', created_at };
  const lost = await catalog.commit(
    [
      { op: 'create', pk: 'api_key', sk: id, value },
      { op: 'create', pk: 'api_key_hash', sk: hash, value },
    ],
    [creation({ kind: 'key', id, version: 1 }, shown, requestId, deps)],
  );
  return lost === null;
}

/** `shown`: as the management API would show it. */
function creation(subject: AuditSubject, shown: object, requestId: string, { now }: BootstrapDeps): AuditEntry {
  return auditCreation(subject, { at: now(), by: 'bootstrap', byName: null, requestId }, { ...shown });
}

function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}
