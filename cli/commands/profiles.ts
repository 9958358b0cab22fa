import { defineCommand } from 'citty';

import { createApi, path } from '../api.ts';
import type { Group } from '../command.ts';
import { createOutput, FORMAT_ARGS, formatOf } from '../output.ts';
import { apiUrlOf, keyFor, knownProfile, profileName, profileOf, readProfiles, writeProfiles } from '../profiles.ts';
import { field } from '../table.ts';
import { UsageError } from '../terminal.ts';
import type { World } from '../world.ts';

const NAME = { type: 'positional', required: true, description: 'The profile', valueHint: 'NAME' } as const;

/** Which deployments this command line knows, and with what keys. */
export function profiles(world: World): Group {
  const { terminal } = world;

  const list = defineCommand({
    meta: { description: 'List the deployments that are known here; keys are not shown' },
    args: FORMAT_ARGS,
    async run({ args }) {
      const { current, profiles } = await readProfiles(world);
      const rows = Object.entries(profiles).map(([name, { apiUrl }]) => ({
        name,
        api_url: apiUrl,
        current: name === current,
      }));
      await createOutput(formatOf(args), terminal).list(
        [field('name', { whole: true }), field('current'), field('api_url')],
        rows,
      );
    },
  });

  const add = defineCommand({
    meta: { description: 'Add a deployment, or give one another key, and use it from now on' },
    args: {
      name: NAME,
      url: { type: 'string', description: 'Base URL of its management API; else the one it has, or FLOWBACK_API_URL' },
    },
    async run({ args }) {
      const name = profileName(args.name);
      const before = await readProfiles(world);
      const own = profileOf(name, before.profiles)?.apiUrl;
      const given = args.url ?? own ?? (world.env['FLOWBACK_API_URL'] || undefined);
      const apiUrl = apiUrlOf(given ?? (await answerTo('Base URL of the management API', '--url URL')));
      const key = keyFor(apiUrl, world) ?? (await answerTo('API key', 'FLOWBACK_KEY', { secret: true }));
      // Better now than at the first command that needs it.
      await createApi({ apiUrl, key }, world).get(path('conversions'), { limit: '1' });
      await writeProfiles({ current: name, profiles: { ...before.profiles, [name]: { apiUrl, key } } }, world);
      terminal.out(`Using ${name}: ${apiUrl}`);
      tellOverride(name);
    },
  });

  const use = defineCommand({
    meta: { description: 'Use another deployment from now on' },
    args: { name: NAME },
    async run({ args }) {
      const before = await readProfiles(world);
      knownProfile(args.name, before.profiles);
      await writeProfiles({ ...before, current: args.name }, world);
      terminal.out(`Using ${args.name}`);
      tellOverride(args.name);
    },
  });

  const remove = defineCommand({
    meta: { description: 'Forget a deployment and its key; the key itself stays valid until it is revoked' },
    args: { name: NAME },
    async run({ args }) {
      const { current, profiles } = await readProfiles(world);
      const { name } = args;
      knownProfile(name, profiles);
      const left = Object.fromEntries(Object.entries(profiles).filter(([other]) => other !== name));
      await writeProfiles({ current: current === name ? null : current, profiles: left }, world);
      terminal.out(`Forgot ${name}`);
    },
  });

  /** Who has just chosen a deployment must not work on another one. */
  const tellOverride = (name: string) => {
    const { FLOWBACK_API_URL: apiUrl, FLOWBACK_KEY: key, FLOWBACK_PROFILE: preset } = world.env;
    const variable = apiUrl || key ? 'FLOWBACK_API_URL' : preset && preset !== name ? 'FLOWBACK_PROFILE' : null;
    if (variable !== null) terminal.err(`But ${variable} is set, and comes first: unset it, or use --profile ${name}`);
  };

  /** What somebody types in, where somebody is; `instead` is what to give where nobody is. */
  const answerTo = async (question: string, instead: string, options?: { secret: boolean }): Promise<string> => {
    const answer = (await terminal.ask?.(question, options)) ?? '';
    if (answer === '') throw new UsageError(`${question}: give ${instead}`);
    return answer;
  };

  return {
    description: 'The deployments that this command line knows',
    alone: 'list',
    commands: { list, add, use, remove },
  };
}
