import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { parseOptions } from '../../../local/options.ts';

describe('parseOptions', () => {
  it.each([
    [['--port', '-1'], /port/],
    [['--port', '65535'], /--port must be a whole number from 0 to 65534/],
    [['--port', '80.5'], /--port/],
    [['--port', '0x10'], /--port/],
    [['--port'], /port/],
    [['--network', 'a b'], /--network must be/],
    [['--network', ''], /--network must be/],
    [['--data', ''], /--data must not be empty/],
    [['--admin-key', 'short'], /--admin-key must be/],
    [['--cache-seconds', '-1'], /cache-seconds/],
    [['--cache-seconds', 'x'], /--cache-seconds must be/],
    [['--retry-schedule', '0,,1'], /--retry-schedule must be/],
    [['--retry-schedule', ''], /--retry-schedule must be/],
    [['--dynamodb-endpoint', 'localhost:8000'], /--dynamodb-endpoint must be a URL/],
    [['--sqs-endpoint', 'ftp://localhost'], /--sqs-endpoint must be a URL/],
    [['--sqs-endpoint', 'http://localhost/path'], /--sqs-endpoint must be a URL/],
    [['--tls-cert', 'cert.pem'], /^--tls-cert and --tls-key are given together$/],
    [['--tls-key', 'key.pem'], /--tls-cert and --tls-key are given together/],
    [['--tls-cert', '', '--tls-key', 'key.pem'], /--tls-cert must not be empty/],
    [['--environments', '0'], /--environments must be/],
    [['--unknown'], /unknown/],
    [['stray'], /stray/],
    [['--json=yes'], /json/],
  ])('refuses %j in one line', (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
    expect(() => parseOptions(args)).toThrow(/^[^\n]+$/);
  });

  it('never repeats a key that it refuses', () => {
    expect(() => parseOptions(['--admin-key', 'hush!'])).toThrow(/^(?!.*hush)/);
  });

  it('has a default for everything', () => {
    expect(parseOptions([])).toEqual({
      port: 4000,
      network: 'local',
      data: undefined,
      adminKey: undefined,
      json: false,
      strictEgress: false,
      cacheSeconds: undefined,
      retrySchedule: undefined,
      dynamodbEndpoint: undefined,
      sqsEndpoint: undefined,
      tls: undefined,
      environments: 4,
      assembly: undefined,
      help: false,
    });
  });

  it('reads every option', () => {
    const args =
      '--port 0 --network abc --data d --admin-key 0123456789abcdef --json --strict-egress --cache-seconds 0 ' +
      '--retry-schedule 0,1,2.5 --dynamodb-endpoint http://127.0.0.1:8000/ --sqs-endpoint http://127.0.0.1:9324 ' +
      '--tls-cert cert.pem --tls-key key.pem --environments 1 --assembly cdk.out';
    expect(parseOptions(args.split(' '))).toEqual({
      port: 0,
      network: 'abc',
      data: resolve('d'),
      adminKey: '0123456789abcdef',
      json: true,
      strictEgress: true,
      cacheSeconds: 0,
      retrySchedule: '0,1,2.5',
      dynamodbEndpoint: 'http://127.0.0.1:8000',
      sqsEndpoint: 'http://127.0.0.1:9324',
      tls: { cert: resolve('cert.pem'), key: resolve('key.pem') },
      environments: 1,
      assembly: resolve('cdk.out'),
      help: false,
    });
  });
});
