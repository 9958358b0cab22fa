import { parseArgs } from 'node:util';
import { resolve } from 'node:path';

import { messageOf, StartError } from './errors.ts';
import type { TlsFiles } from './http-api/tls.ts';

/** What a caller may ask of the runner; see docs and `--help`. */
export interface Options {
  /** Port of the tracking API, the management API takes the next one; 0: any free ports. */
  readonly port: number;
  readonly network: string;
  /** Absolute path of the data directory; undefined: everything in memory. */
  readonly data: string | undefined;
  readonly adminKey: string | undefined;
  readonly json: boolean;
  readonly strictEgress: boolean;
  readonly cacheSeconds: number | undefined;
  /** Seconds before each delivery attempt, as given. */
  readonly retrySchedule: string | undefined;
  readonly dynamodbEndpoint: string | undefined;
  readonly sqsEndpoint: string | undefined;
  /** PEM files with which the tracking API speaks HTTPS, as absolute paths; undefined: HTTP. */
  readonly tls: TlsFiles | undefined;
  /** Most execution environments for each function. */
  readonly environments: number;
  /** Absolute path of a synthesized cloud assembly; undefined: synthesize. */
  readonly assembly: string | undefined;
  readonly help: boolean;
}

export const USAGE = `Serves the synthesized stack on this machine.

  node --import tsx local/main.ts [options]

  --port N                 tracking API; the management API listens at N + 1; 0: any free ports (default 4000)
  --network NAME           name of the network (default local); several may run side by side
  --data DIR               keep everything in DIR (default: in memory)
  --admin-key KEY          the first admin API key (default: generated)
  --json                   one JSON line on standard output when ready, all else on standard error
  --strict-egress          refuse private and loopback addresses as on AWS
  --cache-seconds N        lifetime of the catalog cache; 0: read each time (default 30)
  --retry-schedule S,S,... seconds before each delivery attempt (default: as on AWS)
  --dynamodb-endpoint URL  another DynamoDB, or a fault proxy (default: DynamoDB Local, embedded)
  --sqs-endpoint URL       another SQS, or a fault proxy (default: embedded)
  --tls-cert FILE          PEM certificate with which the tracking API speaks HTTPS (default: HTTP)
  --tls-key FILE           its private key
  --environments N         most execution environments for each function (default 4)
  --assembly DIR           an already synthesized cloud assembly (default: synthesize)
  --help                   this text`;

const NETWORK = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;
const KEY = /^[A-Za-z0-9_-]{16,128}$/;
const SCHEDULE = /^\d+(\.\d+)?(,\d+(\.\d+)?)*$/;

/**
 * Parses the command line.
 *
 * @throws StartError naming the first option that is wrong
 */
export function parseOptions(args: readonly string[]): Options {
  const values = parse(args);
  const port = integer('--port', values.port ?? '4000', 0, 65_534);
  return {
    port,
    network: matching('--network', values.network ?? 'local', NETWORK, 'letters, digits, - and _, at most 32'),
    data: values.data === undefined ? undefined : resolve(nonEmpty('--data', values.data)),
    adminKey:
      values['admin-key'] === undefined
        ? undefined
        : matching('--admin-key', values['admin-key'], KEY, '16 to 128 letters, digits, - and _'),
    json: values.json ?? false,
    strictEgress: values['strict-egress'] ?? false,
    cacheSeconds:
      values['cache-seconds'] === undefined
        ? undefined
        : integer('--cache-seconds', values['cache-seconds'], 0, 86_400),
    retrySchedule:
      values['retry-schedule'] === undefined
        ? undefined
        : matching('--retry-schedule', values['retry-schedule'], SCHEDULE, 'seconds separated by commas'),
    dynamodbEndpoint: endpoint('--dynamodb-endpoint', values['dynamodb-endpoint']),
    sqsEndpoint: endpoint('--sqs-endpoint', values['sqs-endpoint']),
    tls: tlsFiles(values['tls-cert'], values['tls-key']),
    environments: integer('--environments', values.environments ?? '4', 1, 100),
    assembly: values.assembly === undefined ? undefined : resolve(nonEmpty('--assembly', values.assembly)),
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
          network: { type: 'string' },
          data: { type: 'string' },
          'admin-key': { type: 'string' },
          json: { type: 'boolean' },
          'strict-egress': { type: 'boolean' },
          'cache-seconds': { type: 'string' },
          'retry-schedule': { type: 'string' },
          'dynamodb-endpoint': { type: 'string' },
          'sqs-endpoint': { type: 'string' },
          'tls-cert': { type: 'string' },
          'tls-key': { type: 'string' },
          environments: { type: 'string' },
          assembly: { type: 'string' },
          help: { type: 'boolean' },
        },
      }).values,
  );
}

/** What `parseArgs` answers; what it throws as one clear line. */
export function orStartError<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    // Node's message goes on about positional arguments and quoting after the first sentence.
    throw new StartError(`${messageOf(error).split(/\. |\n/, 1)[0] ?? ''}; --help lists the options`);
  }
}

function integer(option: string, value: string, least: number, most: number): number {
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (!(number >= least && number <= most)) {
    throw new StartError(`${option} must be a whole number from ${least} to ${most}, not '${value}'`);
  }
  return number;
}

function matching(option: string, value: string, pattern: RegExp, rule: string): string {
  // The value is not repeated: it may be a key.
  if (!pattern.test(value)) throw new StartError(`${option} must be ${rule}`);
  return value;
}

function nonEmpty(option: string, value: string): string {
  if (value === '') throw new StartError(`${option} must not be empty`);
  return value;
}

function endpoint(option: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || !['', '/'].includes(url.pathname)) {
    throw new StartError(`${option} must be a URL like http://127.0.0.1:8000, not '${value}'`);
  }
  return url.origin;
}

function tlsFiles(cert: string | undefined, key: string | undefined): TlsFiles | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) throw new StartError('--tls-cert and --tls-key are given together');
  return { cert: resolve(nonEmpty('--tls-cert', cert)), key: resolve(nonEmpty('--tls-key', key)) };
}
