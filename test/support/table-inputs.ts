import type { CreateTableCommandInput } from '@aws-sdk/client-dynamodb';
import { resourcesOf, stackTemplate } from '../infra/synthesize.ts';
import { TABLES } from './storage.ts';
import type { TableInputs, TableName } from './storage.ts';

interface TemplateTable {
  readonly KeySchema: CreateTableCommandInput['KeySchema'];
  readonly AttributeDefinitions: CreateTableCommandInput['AttributeDefinitions'];
  readonly GlobalSecondaryIndexes?: CreateTableCommandInput['GlobalSecondaryIndexes'];
  readonly StreamSpecification?: { readonly StreamViewType: 'NEW_IMAGE' };
}

/** The tables of the synthesized template, so that no second list of them exists. */
export function tableInputs(): TableInputs {
  const found = Object.entries(resourcesOf(stackTemplate(), 'AWS::DynamoDB::GlobalTable'));
  const input = (name: TableName) => {
    const prefix = `storage${name}`;
    const resource = found.find(([id]) => id.toLowerCase().startsWith(prefix))?.[1];
    if (resource === undefined) throw new Error(`the template has no table ${name}`);
    const { KeySchema, AttributeDefinitions, GlobalSecondaryIndexes, StreamSpecification } =
      resource.Properties as unknown as TemplateTable;
    return {
      BillingMode: 'PAY_PER_REQUEST' as const,
      KeySchema,
      AttributeDefinitions,
      GlobalSecondaryIndexes: GlobalSecondaryIndexes?.map(({ IndexName, KeySchema, Projection }) => ({
        IndexName,
        KeySchema,
        Projection,
      })),
      StreamSpecification: StreamSpecification && { StreamEnabled: true, ...StreamSpecification },
    };
  };
  return Object.fromEntries(TABLES.map((name) => [name, input(name)])) as unknown as TableInputs;
}
