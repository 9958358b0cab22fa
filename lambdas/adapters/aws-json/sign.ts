import { createHmac, createSecretKey, hash } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken: string | undefined;
}

interface Signed {
  readonly service: string;
  readonly region: string;
  /** With the port, unless it is the protocol's own. */
  readonly host: string;
}

/** Headers of a call in AWS's JSON protocol 1.0, a POST to `/`, from now on valid for some minutes. */
type Sign = (target: string, body: string, credentials: Credentials, now: Date) => Record<string, string>;

const CONTENT_TYPE = 'application/x-amz-json-1.0';

/**
 * Signature Version 4 for exactly this kind of call: a tenth of what a signer for all services is, and half its time. The
 * tests compare the two.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function createSigner({ service, region, host }: Signed): Sign {
  let signing: SigningKey | null = null;

  return (target, body, { accessKeyId, secretAccessKey, sessionToken }, now) => {
    const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
    const day = time.slice(0, 8);
    if (signing?.day !== day || signing.secret !== secretAccessKey) {
      signing = { day, secret: secretAccessKey, key: signingKey(secretAccessKey, [day, region, service]) };
    }
    const headers: Record<string, string> = {
      'content-length': String(Buffer.byteLength(body)),
      'content-type': CONTENT_TYPE,
      host,
      'x-amz-date': time,
    };
    if (sessionToken !== undefined) headers['x-amz-security-token'] = sessionToken;
    headers['x-amz-target'] = target;

    // In the order of their names, as they were put in.
    const names = Object.keys(headers).join(';');
    let request = 'POST\n/\n\n';
    for (const name in headers) request += `${name}:${headers[name]}\n`;
    request += `\n${names}\n${hash('sha256', body)}`;

    const scope = `${day}/${region}/${service}/aws4_request`;
    const text = `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash('sha256', request)}`;
    const signature = createHmac('sha256', signing.key).update(text).digest('hex');
    headers['authorization'] =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    return headers;
  };
}

/** Good for a day. */
interface SigningKey {
  readonly day: string;
  readonly secret: string;
  readonly key: KeyObject;
}

function signingKey(secret: string, parts: readonly string[]): KeyObject {
  let key = Buffer.from(`AWS4${secret}`);
  for (const part of [...parts, 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  return createSecretKey(key);
}
