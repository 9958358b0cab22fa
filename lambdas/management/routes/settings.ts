import { DEFAULT_SETTINGS } from '../../core/entities.ts';
import type { Settings } from '../../core/entities.ts';
import { isObject, mergePatch } from '../../core/merge-patch.ts';
import type { Wire } from '../../core/wire.ts';
import { toWire } from '../../core/wire.ts';
import { audited } from '../audit.ts';
import { requireMatch, untilUnopposed } from '../entities.ts';
import { ConcurrentChange, etag, ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { invalidField } from '../problems.ts';
import type { Answer } from '../problems.ts';
import { createSettingsSchema } from '../schemas/settings.ts';
import { validate } from '../validation.ts';

const DEFAULTS = toWire(DEFAULT_SETTINGS) as Wire<Settings>;

/** The network's settings; the defaults until something is set. */
export async function readSettings(deps: Deps): Promise<Wire<Settings>> {
  return { ...DEFAULTS, ...(await deps.catalog.get('settings', 'settings')) };
}

function show(settings: Wire<Settings>) {
  return {
    network_name: settings.network_name,
    time_zone: settings.time_zone,
    currency: settings.currency,
    exchange_rates: settings.exchange_rates,
    fallback_url: settings.fallback_url,
    attribution_window_days: settings.attribution_window_days,
    click_retention_days: settings.click_retention_days,
  };
}

export function settingsHandlers({ allowLoopback }: Deps) {
  const schema = createSettingsSchema(allowLoopback);

  const get = async (_: ApiRequest, deps: Deps): Promise<Answer> => {
    const settings = await readSettings(deps);
    return ok(show(settings), etag(settings.version));
  };

  const patchOnce = async (request: ApiRequest, deps: Deps): Promise<Answer> => {
    const stored = await deps.catalog.get('settings', 'settings');
    const before = { ...DEFAULTS, ...stored };
    requireMatch(request, before.version);
    if (!isObject(request.body)) throw invalidField('', 'INVALID_TYPE', 'must be an object');
    const fields = validate(schema, mergePatch(show(before), request.body));
    const next = { ...before, ...fields, version: before.version + 1 };
    const item = { pk: 'settings', sk: 'settings', value: next } as const;
    return request.commit(
      [
        {
          change: stored === null ? { op: 'create', ...item } : { op: 'replace', ...item, version: before.version },
          otherwise: new ConcurrentChange(),
        },
      ],
      audited(request, { kind: 'settings', id: 'settings', version: next.version }, show(before), show(next)),
      ok(show(next), etag(next.version)),
    );
  };

  const patch: Handle = (request, deps) => untilUnopposed(() => patchOnce(request, deps));

  return { 'GET /v1/settings': get, 'PATCH /v1/settings': patch } satisfies Record<string, Handle>;
}
