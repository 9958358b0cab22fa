import { createApi, path } from '../api.ts';
import { apiUrlOf, keyFor, profileName, profileOf } from '../profiles.ts';
import type { Connection, Profiles } from '../profiles.ts';
import { UsageError } from '../terminal.ts';
import { shown } from '../text.ts';
import type { World } from '../world.ts';
import { insist } from './questions.ts';

/** The options that name a deployment. */
interface Given {
  readonly 'api-url'?: string | undefined;
  readonly profile?: string | undefined;
}

interface Known {
  readonly apiUrl: string | undefined;
  readonly key: string | undefined;
}

/** A deployment that answers, and a key that it knows. */
export interface Target extends Connection {
  /** The name under which both are kept here, or will be. */
  readonly profile: string;
  /** The network's own. */
  readonly currency: string;
}

const LOCAL_API = 'http://127.0.0.1:4001';

/** Finds out, or asks, which deployment it is and with which key, and tries both. */
export async function connect(given: Given, profiles: Profiles, world: World): Promise<Target> {
  const known = knownConnection(given, profiles, world);
  const reach = async (text: string): Promise<string> => {
    const apiUrl = apiUrlOf(text);
    await createApi({ apiUrl, key: '' }, world).get(path('health'));
    return apiUrl;
  };
  const question = `Base URL of the management API [${LOCAL_API}]`;
  const apiUrl = await (known.apiUrl === undefined
    ? insist(question, (typed) => reach(typed || LOCAL_API), world.terminal)
    : reach(known.apiUrl));
  const profile = nameFor(apiUrl, given, profiles);

  const unlock = async (key: string): Promise<Target> => {
    if (key === '') throw new UsageError('nothing goes without a key');
    const settings = await createApi({ apiUrl, key }, world).get(path('settings'));
    return { apiUrl, key, profile, currency: shown(settings['currency']) };
  };
  const key = known.key ?? keptFor(apiUrl, profiles)?.key;
  return key === undefined
    ? insist('API key of an admin or a manager', unlock, world.terminal, { secret: true })
    : unlock(key);
}

/** What is unknown of the connection, by where to give it. */
export function missingOfConnection(given: Given, profiles: Profiles, world: World): string[] {
  const { apiUrl, key } = knownConnection(given, profiles, world);
  return [...(apiUrl === undefined ? ['--api-url'] : []), ...(key === undefined ? ['FLOWBACK_KEY'] : [])];
}

/** The key of the environment goes with a URL that was given, never to the URL of a profile: that has its own. */
function knownConnection(given: Given, profiles: Profiles, world: World): Known {
  const { env } = world;
  const name = given.profile ?? (env['FLOWBACK_PROFILE'] || profiles.current);
  const profile = name === null ? undefined : profileOf(name, profiles.profiles);
  const isAskedFor = given.profile !== undefined && profile !== undefined;
  const apiUrl = given['api-url'] ?? ((!isAskedFor && env['FLOWBACK_API_URL']) || undefined);
  if (apiUrl === undefined && profile !== undefined) return profile;
  if (apiUrl === undefined) return { apiUrl, key: env['FLOWBACK_KEY'] || undefined };
  const base = apiUrlOf(apiUrl);
  return { apiUrl, key: keyFor(base, world) ?? keptFor(base, profiles)?.key };
}

function nameFor(apiUrl: string, given: Given, profiles: Profiles): string {
  const name = profileName(given.profile ?? keptFor(apiUrl, profiles)?.name ?? 'default');
  const other = profileOf(name, profiles.profiles);
  if (other === undefined || other.apiUrl === apiUrl) return name;
  throw new UsageError(`profile ${name} is another deployment, ${other.apiUrl}: name this one by --profile`);
}

function keptFor(apiUrl: string, { current, profiles }: Profiles): { name: string; key: string } | undefined {
  const names = Object.keys(profiles).sort((a, b) => Number(b === current) - Number(a === current));
  const name = names.find((candidate) => profiles[candidate]?.apiUrl === apiUrl);
  const key = name === undefined ? undefined : profiles[name]?.key;
  return name === undefined || key === undefined ? undefined : { name, key };
}
