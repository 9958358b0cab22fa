import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';

import { Failure, UsageError } from './terminal.ts';
import type { World } from './world.ts';

/** A deployment and the API key to use there. */
export interface Connection {
  /** Base URL of the management API without a trailing slash. */
  readonly apiUrl: string;
  readonly key: string;
}

export interface Profiles {
  /** The one that is used unless another is asked for. */
  readonly current: string | null;
  readonly profiles: Readonly<Record<string, Connection>>;
}

const PROFILE_NAME = /^[A-Za-z0-9_-]{1,64}$/;
const stored = z.object({
  current: z.string().nullable(),
  profiles: z.record(z.string().regex(PROFILE_NAME), z.object({ apiUrl: z.string(), key: z.string() })),
});

const NONE: Profiles = { current: null, profiles: {} };

export async function readProfiles({ profilesFile }: World): Promise<Profiles> {
  let text: string;
  try {
    text = await readFile(profilesFile, 'utf8');
  } catch (error) {
    if (isMissing(error)) return NONE;
    throw error;
  }
  const parsed = stored.safeParse(tryJson(text));
  if (parsed.success) return parsed.data;
  throw new Failure(`${profilesFile} is not what this command line wrote`, {
    details: ['Mend or remove the file, then: flowback profiles add NAME'],
  });
}

/** Replaces the file as a whole, so that a crash leaves the old one; only its owner may read it, for it holds keys. */
export async function writeProfiles(profiles: Profiles, { profilesFile, uuid }: World): Promise<void> {
  await mkdir(dirname(profilesFile), { recursive: true, mode: 0o700 });
  const next = `${profilesFile}.${uuid()}`;
  await writeFile(next, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600 });
  await chmod(next, 0o600);
  await rename(next, profilesFile);
}

/** Throws a {@link UsageError} for what no profile can be called. */
export function profileName(text: string): string {
  if (PROFILE_NAME.test(text)) return text;
  throw new UsageError(`'${text}' is no name for a profile: letters, digits, "-" and "_", 64 at most`);
}

/**
 * What a command talks to: the profile that was asked for, else FLOWBACK_API_URL with FLOWBACK_KEY, else the profile of
 * FLOWBACK_PROFILE, else the current one. URL and key are never of two origins: a key must not go to a foreign host.
 */
export async function connectionOf(asked: string | undefined, world: World): Promise<Connection> {
  const { FLOWBACK_API_URL: apiUrl, FLOWBACK_KEY: key, FLOWBACK_PROFILE: preset } = world.env;
  if (asked === undefined && (apiUrl || key)) {
    if (!apiUrl || !key) throw new UsageError('FLOWBACK_API_URL and FLOWBACK_KEY belong together: set both or none');
    return { apiUrl: apiUrlOf(apiUrl), key };
  }
  const { current, profiles } = await readProfiles(world);
  const name = asked ?? (preset || current);
  if (name === null) {
    throw new UsageError(
      'which deployment? Run `flowback init`, or set FLOWBACK_API_URL and FLOWBACK_KEY, or use --profile NAME',
    );
  }
  return knownProfile(name, profiles);
}

export function profileOf(name: string, profiles: Profiles['profiles']): Connection | undefined {
  return Object.hasOwn(profiles, name) ? profiles[name] : undefined;
}

/** Throws a {@link UsageError} if there is none. */
export function knownProfile(name: string, profiles: Profiles['profiles']): Connection {
  const profile = profileOf(name, profiles);
  if (profile === undefined) throw new UsageError(`there is no profile '${name}': see \`flowback profiles\``);
  return profile;
}

/** FLOWBACK_KEY for a deployment. Throws a {@link UsageError} where FLOWBACK_API_URL says that it is another one's. */
export function keyFor(apiUrl: string, { env }: World): string | undefined {
  const { FLOWBACK_API_URL: of, FLOWBACK_KEY: key } = env;
  if (!key || !of || apiUrlOf(of) === apiUrl) return key || undefined;
  throw new UsageError(`FLOWBACK_KEY is for ${apiUrlOf(of)}, as FLOWBACK_API_URL says, not for ${apiUrl}: unset both`);
}

/** The base URL of a management API as it is kept. Throws a {@link UsageError}, also where a key would go in clear text. */
export function apiUrlOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (
    url === null ||
    !['http:', 'https:'].includes(url.protocol) ||
    url.username ||
    url.password ||
    url.search ||
    url.hash
  ) {
    throw new UsageError(`'${text}' is no base URL of a management API, as https://api.example.com`);
  }
  if (url.protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname)) {
    throw new UsageError(`the key would go over the network in clear text: use https:// for ${url.host}`);
  }
  return url.href.replace(/\/(v1\/?)?$/, '');
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
