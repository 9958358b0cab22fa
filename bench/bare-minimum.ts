import { createHash, createHmac, randomBytes } from 'node:crypto';
import * as http from 'node:http';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/**
 * The least that a redirect can do and still record the click: no rules, no catalog, no macros but one. What the redirect
 * costs is measured against it.
 */
const { AWS_REGION: region = '', AWS_ACCESS_KEY_ID: keyId = '', AWS_SECRET_ACCESS_KEY: secret = '' } = process.env;
const token = process.env['AWS_SESSION_TOKEN'] ?? '';
const { hostname, port, host } = new URL(process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? '');
const table = process.env['BARE_TABLE'] ?? '';
const agent = new http.Agent({ keepAlive: true });

const ID = /^[A-Za-z0-9_-]{1,64}$/;
const TARGET = 'DynamoDB_20120810.PutItem';
const TYPE = 'application/x-amz-json-1.0';
const SIGNED = 'content-type;host;x-amz-date;x-amz-security-token;x-amz-target';

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  const query = new URLSearchParams(event.rawQueryString);
  const campaign = event.pathParameters?.['campaign_id'] ?? query.get('campaign_id') ?? '';
  const publisher = event.pathParameters?.['pub_id'] ?? query.get('pub_id') ?? '';
  if (!ID.test(campaign) || !ID.test(publisher)) return { statusCode: 404 };
  const id = randomBytes(20).toString('hex');
  await put(
    `{"TableName":"${table}","ConditionExpression":"attribute_not_exists(id)","Item":` +
      `{"id":{"S":"${id}"},"c":{"S":"${campaign}"},"u":{"S":"${publisher}"},"t":{"N":"${Date.now()}"}}}`,
  );
  return { statusCode: 302, headers: { location: `https://shop.example/?cid=${id}`, 'cache-control': 'no-store' } };
};

function put(body: string): Promise<void> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers = {
    'content-type': TYPE,
    host,
    'x-amz-date': time,
    'x-amz-security-token': token,
    'x-amz-target': TARGET,
    'content-length': Buffer.byteLength(body),
    authorization: authorization(time, body),
  };
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, hostname, port, method: 'POST', path: '/', headers }, (response) => {
      response.resume().once('end', () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`DynamoDB answered ${response.statusCode}`));
      });
    });
    request.once('error', reject).end(body);
  });
}

let signing = { day: '', key: Buffer.alloc(0) };

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html */
function authorization(time: string, body: string): string {
  const day = time.slice(0, 8);
  if (signing.day !== day) {
    const parts = [day, region, 'dynamodb', 'aws4_request'];
    signing = { day, key: parts.reduce((key, part) => hmac(key, part).digest(), Buffer.from(`AWS4${secret}`)) };
  }
  const scope = `${day}/${region}/dynamodb/aws4_request`;
  const canonical =
    `POST\n/\n\ncontent-type:${TYPE}\nhost:${host}\nx-amz-date:${time}\nx-amz-security-token:${token}\n` +
    `x-amz-target:${TARGET}\n\n${SIGNED}\n${sha256(body)}`;
  const signature = hmac(signing.key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha256(canonical)}`).digest('hex');
  return `AWS4-HMAC-SHA256 Credential=${keyId}/${scope}, SignedHeaders=${SIGNED}, Signature=${signature}`;
}

function hmac(key: Buffer, text: string) {
  return createHmac('sha256', key).update(text);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
