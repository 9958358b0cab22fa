import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { apiUrlOf } from '../../../cli/profiles.ts';
import { runCli } from '../../support/cli.ts';
import { startDocumentedApi } from '../../support/documented-api.ts';
import type { DocumentedApi } from '../../support/documented-api.ts';

let server: DocumentedApi;
let profilesFile: string;

beforeAll(async () => {
  server = await startDocumentedApi();
});

afterAll(() => server.stop());

beforeEach(async () => {
  server.script({ body: { items: [], next_cursor: null } });
  profilesFile = join(await mkdtemp(join(tmpdir(), 'flowback-profiles-')), 'new', 'profiles.json');
});

const flowback = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { profilesFile, env });
const add = (name: string, key = `key-of-${name}`) =>
  flowback(['profiles', 'add', name, '--url', server.url], { FLOWBACK_KEY: key });
const keyUsed = () => server.calls.at(-1)?.headers.authorization;

describe('apiUrlOf', () => {
  it.each([
    'api.example.com',
    'ftp://api.example.com',
    'https://user:secret@api.example.com',
    'https://:secret@api.example.com',
    'https://api.example.com/?a=b',
    'https://api.example.com/#a',
    'http://api.example.com',
    'http://localhost.example.com',
    'http://127.example.com',
  ])('refuses %s', (url) => {
    expect(() => apiUrlOf(url)).toThrow();
  });

  it.each([
    ['https://api.example.com', 'https://api.example.com'],
    ['https://api.example.com/v1/', 'https://api.example.com'],
    ['https://example.com/flowback/', 'https://example.com/flowback'],
    ['http://127.0.0.1:4001', 'http://127.0.0.1:4001'],
    ['http://[::1]:4001/v1', 'http://[::1]:4001'],
  ])('keeps %s as %s', (url, kept) => {
    expect(apiUrlOf(url)).toBe(kept);
  });
});

describe('flowback profiles', () => {
  it.each([
    [['add', 'a b', '--url', 'https://api.example.com'], "'a b' is no name"],
    [['add', 'prod', '--url', 'api.example.com'], 'no base URL'],
    [['add', 'prod', '--url', 'https://api.example.com'], 'API key: give FLOWBACK_KEY'],
    [['add', 'prod'], 'Base URL of the management API: give --url URL'],
    [['use', 'prod'], "there is no profile 'prod'"],
    [['use', 'constructor'], "there is no profile 'constructor'"],
    [['remove', 'prod'], "there is no profile 'prod'"],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await flowback(['profiles', ...args]);

    expect(code).toBe(2);
    expect(err).toContain(message);
    await expect(stat(profilesFile)).rejects.toThrow('ENOENT');
  });

  it('keeps no key that the deployment does not know', async () => {
    server.script({ status: 401, body: { code: 'UNAUTHORIZED', detail: 'No such key' } });

    expect(await add('prod')).toMatchObject({ code: 4 });
    await expect(stat(profilesFile)).rejects.toThrow('ENOENT');
  });

  it('asks for a key that is not typed in sight, and keeps it where its owner alone can read it (invariant 12)', async () => {
    const run = await runCli(['profiles', 'add', 'prod', '--url', server.url], {
      profilesFile,
      answers: ['typed-key'],
    });

    expect(run).toMatchObject({ code: 0, out: `Using prod: ${server.url}\n` });
    expect((await stat(profilesFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(profilesFile, 'utf8')).toContain('typed-key');
  });

  it('sends a key to no other deployment than the one that the environment names with it (invariant 12)', async () => {
    await add('prod');
    const before = server.calls.length;
    const env = { FLOWBACK_API_URL: 'https://staging.example', FLOWBACK_KEY: 'key-of-staging' };

    for (const args of [['prod'], ['prod', '--url', server.url]]) {
      const { code, err } = await flowback(['profiles', 'add', ...args], env);

      expect(code).toBe(2);
      expect(err).toContain('FLOWBACK_KEY is for https://staging.example');
    }
    expect(server.calls).toHaveLength(before);
  });

  it('takes an empty variable for none', async () => {
    const { err } = await flowback(['profiles', 'add', 'prod', '--url', server.url], { FLOWBACK_KEY: '' });

    expect(err).toContain('API key: give FLOWBACK_KEY');
  });

  it('says that the environment comes before the profile that is used from now on', async () => {
    await add('prod');

    const env = { FLOWBACK_API_URL: 'https://staging.example', FLOWBACK_KEY: 'key-of-staging' };
    expect((await flowback(['profiles', 'use', 'prod'], env)).err).toContain('FLOWBACK_API_URL is set');
    expect((await flowback(['profiles', 'use', 'prod'], { FLOWBACK_PROFILE: 'x' })).err).toContain('FLOWBACK_PROFILE');
    expect((await flowback(['profiles', 'use', 'prod'], { FLOWBACK_PROFILE: 'prod' })).err).toBe('');
  });

  it('shows no keys in its list (invariant 12)', async () => {
    await add('prod');
    await add('staging');

    for (const format of [[], ['--json'], ['--csv']]) {
      const { out } = await flowback(['profiles', ...format]);
      expect(out).toContain(server.url);
      expect(out).not.toContain('key-of');
    }
  });

  it('forgets a profile and its key', async () => {
    await add('prod');

    expect(await flowback(['profiles', 'remove', 'prod'])).toMatchObject({ code: 0 });
    expect(await readFile(profilesFile, 'utf8')).toBe('{\n  "current": null,\n  "profiles": {}\n}\n');
  });

  it('tells in one line that its file cannot be read', async () => {
    await mkdir(profilesFile, { recursive: true });

    const { code, err } = await flowback(['profiles']);

    expect(code).toBe(1);
    expect(err).toBe('flowback profiles list: EISDIR: illegal operation on a directory, read\n');
  });

  it('says how to mend a file that somebody broke', async () => {
    await add('prod');
    await writeFile(profilesFile, '{"profiles":');

    const { code, err } = await flowback(['publishers']);
    expect(code).toBe(1);
    expect(err).toContain('Mend or remove the file');
  });
});

describe('the deployment that a command talks to', () => {
  const other = { FLOWBACK_API_URL: 'http://127.0.0.1:9', FLOWBACK_KEY: 'key-of-the-environment' };

  it.each([
    [{}, 'which deployment?'],
    [{ FLOWBACK_KEY: 'a-key' }, 'belong together'],
    [{ FLOWBACK_API_URL: 'https://api.example.com' }, 'belong together'],
    [{ FLOWBACK_PROFILE: 'prod' }, "there is no profile 'prod'"],
    [{ FLOWBACK_API_URL: 'http://api.example.com', FLOWBACK_KEY: 'a-key' }, 'in clear text'],
  ])('must be known: %j', async (env, message) => {
    const { code, err } = await flowback(['publishers'], env);

    expect(code).toBe(2);
    expect(err).toContain(message);
  });

  it('is the profile added or chosen last, unless something else is said', async () => {
    await add('prod');
    await add('staging');

    await flowback(['publishers']);
    expect(keyUsed()).toBe('Bearer key-of-staging');

    await flowback(['profiles', 'use', 'prod']);
    await flowback(['publishers']);
    expect(keyUsed()).toBe('Bearer key-of-prod');

    await flowback(['publishers'], { FLOWBACK_PROFILE: 'staging' });
    expect(keyUsed()).toBe('Bearer key-of-staging');

    await flowback(['publishers'], { FLOWBACK_PROFILE: 'staging', FLOWBACK_API_URL: server.url, FLOWBACK_KEY: 'mine' });
    expect(keyUsed()).toBe('Bearer mine');

    await flowback(['publishers', '--profile', 'prod'], other);
    expect(keyUsed()).toBe('Bearer key-of-prod');
  });
});
