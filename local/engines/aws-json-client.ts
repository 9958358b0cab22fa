import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import type { JsonObject } from '../json.ts';
import { isJsonObject, parseJson } from '../json.ts';

/** An error that the service answered with; `code` is its short name, such as `ResourceNotFoundException`. */
export class AwsError extends Error {
  override readonly name = 'AwsError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

interface AwsJsonClientOptions {
  readonly endpoint: string;
  /** Prefix of `X-Amz-Target`. */
  readonly target: string;
  readonly contentType: string;
  readonly service: string;
  readonly region: string;
}

/**
 * Calls an emulator by AWS's JSON protocol. The signature is a dummy: emulators read only the region and the key id in
 * it, and a request that goes astray is refused by the real service.
 */
export class AwsJsonClient {
  readonly endpoint: string;
  private readonly options: AwsJsonClientOptions;
  private readonly agent: HttpAgent;

  constructor(options: AwsJsonClientOptions) {
    this.endpoint = options.endpoint;
    this.options = options;
    this.agent = options.endpoint.startsWith('https:')
      ? new HttpsAgent({ keepAlive: true })
      : new HttpAgent({ keepAlive: true });
  }

  /** @throws AwsError for what the service refuses, Error for what goes wrong on the way */
  async call(action: string, input: JsonObject, signal?: AbortSignal): Promise<JsonObject> {
    const { status, body } = await this.post(action, JSON.stringify(input), signal);
    let output: unknown;
    try {
      output = body === '' ? {} : parseJson(body);
    } catch {
      output = undefined;
    }
    if (status === 200 && isJsonObject(output)) return output;
    const error = isJsonObject(output) ? output : {};
    const type = typeof error.__type === 'string' ? error.__type : `Status${status}`;
    const message = error.message ?? error.Message;
    throw new AwsError(type.replace(/^.*#/, ''), typeof message === 'string' ? message : body.slice(0, 200));
  }

  /** Closes the idle connections. */
  close(): void {
    this.agent.destroy();
  }

  private post(action: string, body: string, signal?: AbortSignal): Promise<{ status: number; body: string }> {
    const { endpoint, target, contentType, service, region } = this.options;
    const send = endpoint.startsWith('https:') ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const request = send(
        endpoint,
        {
          method: 'POST',
          agent: this.agent,
          signal,
          headers: {
            'content-type': contentType,
            'content-length': Buffer.byteLength(body),
            'x-amz-target': `${target}.${action}`,
            'x-amz-date': new Date().toISOString().replace(/[-:]|\.\d+/g, ''),
            authorization:
              `AWS4-HMAC-SHA256 Credential=local/20260101/${region}/${service}/aws4_request, ` +
              `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}`,
          },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
          response.on('error', reject);
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  }
}

export function dynamodbClient(endpoint: string, region: string): AwsJsonClient {
  return new AwsJsonClient({
    endpoint,
    target: 'DynamoDB_20120810',
    contentType: 'application/x-amz-json-1.0',
    service: 'dynamodb',
    region,
  });
}

/** The streams of the same engine: another service that shares its address. */
export function dynamodbStreamsClient(endpoint: string, region: string): AwsJsonClient {
  return new AwsJsonClient({
    endpoint,
    target: 'DynamoDBStreams_20120810',
    contentType: 'application/x-amz-json-1.0',
    service: 'dynamodb',
    region,
  });
}

export function sqsClient(endpoint: string, region: string): AwsJsonClient {
  return new AwsJsonClient({
    endpoint,
    target: 'AmazonSQS',
    contentType: 'application/x-amz-json-1.0',
    service: 'sqs',
    region,
  });
}
