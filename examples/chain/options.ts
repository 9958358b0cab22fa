import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { StartError } from '../../local/errors.ts';
import { orStartError } from '../../local/options.ts';

export interface Options {
  /** First of the ports +0 to +31; 0: any free ports. */
  readonly port: number;
  /** Absolute path, or undefined: everything in memory. */
  readonly data: string | undefined;
  /** Stop after the walk. */
  readonly once: boolean;
  readonly help: boolean;
}

export const USAGE = `Runs a chain of three networks and a shop, and walks a click and its conversion through it.

  npm start [-- options]

  --once      stop after the walk; exit 0 only if every hop was seen
  --port N    tia at N, 123 at N + 10, abc at N + 20, the shop at N + 30, each management API one above its
              network; 0: any free ports (default 4000)
  --data DIR  keep everything in DIR, so that a restart goes on (default: in memory)
  --help      this text`;

/** Highest first port whose highest other one still exists. */
const MOST = 65_535 - 31;

/**
 * Parses the command line.
 *
 * @throws StartError naming the option that is wrong
 */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  const port = values.port ?? '4000';
  if (!/^\d{1,5}$/.test(port) || Number(port) > MOST) {
    throw new StartError(`--port must be a whole number from 0 to ${MOST}, not '${port}'`);
  }
  if (values.data === '') throw new StartError('--data must not be empty');
  return {
    port: Number(port),
    data: values.data === undefined ? undefined : resolve(values.data),
    once: values.once ?? false,
    help: values.help ?? false,
  };
}

function parse(args: readonly string[]) {
  return orStartError(
    () =>
      parseArgs({
        args: [...args],
        strict: true,
        allowPositionals: false,
        options: {
          port: { type: 'string' },
          data: { type: 'string' },
          once: { type: 'boolean' },
          help: { type: 'boolean' },
        },
      }).values,
  );
}
