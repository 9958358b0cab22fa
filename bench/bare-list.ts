import { DynamoDBClient, QueryCommand } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/**
 * The least that a list can cost: one query of as many rows as are shown, of the partition that the caller names, shown as
 * they are stored. No key, no role, no filter, no cursor, no field left out.
 */
const client = new DynamoDBClient({});

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> => {
  const query = new URLSearchParams(event.rawQueryString);
  const { Items = [] } = await client.send(
    new QueryCommand({
      TableName: process.env[query.get('table') ?? ''],
      IndexName: query.get('index') ?? undefined,
      KeyConditionExpression: '#key = :value',
      ExpressionAttributeNames: { '#key': query.get('key') ?? '' },
      ExpressionAttributeValues: { ':value': { S: query.get('value') ?? '' } },
      ScanIndexForward: false,
      Limit: Number(query.get('limit')),
    }),
  );
  const body = JSON.stringify({ items: Items.map((item) => unmarshall(item)) });
  return { statusCode: 200, headers: { 'content-type': 'application/json' }, body };
};
