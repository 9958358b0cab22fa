import { createHash, randomBytes } from 'node:crypto';
import { DynamoDBClient, GetItemCommand, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/**
 * The least that a postback can cost and still be recorded once: no sender, no click, no goal, no money, no history, no
 * hit. A read finds what is there already, and one transaction puts the key and the conversion.
 */
const table = process.env['BARE_TABLE'] ?? '';
const client = new DynamoDBClient({});

const ID = /^[A-Za-z0-9_-]{1,128}$/;
const AMOUNT = /^\d{1,12}(\.\d{1,6})?$/;

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  const query = new URLSearchParams(event.rawQueryString);
  const clickId = query.get('click_id') ?? '';
  const txnId = query.get('txn_id') ?? '';
  const amount = query.get('sale_amount') ?? '0';
  if (!ID.test(clickId) || !ID.test(txnId) || !AMOUNT.test(amount)) return answer(400, 'rejected', 'MALFORMED_REQUEST');
  const key = { pk: { S: `key#${createHash('sha256').update(txnId).digest('hex')}` } };
  const { Item } = await client.send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }));
  if (Item !== undefined) return answer(200, 'duplicate', 'DUPLICATE_CONVERSION');
  const id = randomBytes(16).toString('hex');
  const conversion = {
    pk: { S: `conversion#${id}` },
    click_id: { S: clickId },
    txn_id: { S: txnId },
    sale_amount: { S: amount },
    created_at: { N: String(Date.now()) },
  };
  const put = (item: object) => ({
    Put: { TableName: table, Item: { ...item }, ConditionExpression: 'attribute_not_exists(pk)' },
  });
  await client.send(
    new TransactWriteItemsCommand({ TransactItems: [put({ ...key, conversion_id: { S: id } }), put(conversion)] }),
  );
  return answer(200, 'accepted', 'OK');
};

function answer(statusCode: number, result: string, code: string): APIGatewayProxyStructuredResultV2 {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };
  return { statusCode, headers, body: JSON.stringify({ result, code }) };
}
