import { RemovalPolicy } from 'aws-cdk-lib';
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import type { StorageProps } from '../../lib/storage.ts';
import { Storage } from '../../lib/storage.ts';
import { resourcesOf, templateOf } from './synthesize.ts';

const TABLE = 'AWS::DynamoDB::GlobalTable';

const synthesize = (props: Partial<StorageProps> = {}) =>
  templateOf((stack) => {
    new Storage(stack, 'Storage', {
      removalPolicy: RemovalPolicy.RETAIN,
      deletionProtection: true,
      pointInTimeRecovery: true,
      ...props,
    });
  });

interface TableProperties {
  readonly BillingMode: string;
  readonly AttributeDefinitions: readonly { readonly AttributeName: string; readonly AttributeType: string }[];
  readonly KeySchema: readonly { readonly AttributeName: string }[];
  readonly GlobalSecondaryIndexes?: readonly {
    readonly IndexName: string;
    readonly KeySchema: readonly { readonly AttributeName: string }[];
    readonly Projection: { readonly ProjectionType: string };
  }[];
  readonly StreamSpecification?: unknown;
  readonly TimeToLiveSpecification?: { readonly AttributeName: string; readonly Enabled: boolean };
  readonly Replicas: readonly {
    readonly DeletionProtectionEnabled: boolean;
    readonly PointInTimeRecoverySpecification: { readonly PointInTimeRecoveryEnabled: boolean };
  }[];
}

/** One table of the template, found by the id of its construct. */
const table = (id: string, props: Partial<StorageProps> = {}) => {
  const found = Object.entries(resourcesOf(synthesize(props), TABLE)).find(([name]) => name.startsWith(`Storage${id}`));
  if (found === undefined) throw new Error(`no table ${id}`);
  return { resource: found[1], properties: found[1].Properties as unknown as TableProperties };
};

const keysOf = (schema: readonly { readonly AttributeName: string }[]) => schema.map((key) => key.AttributeName);

describe('Storage', () => {
  it('holds seven tables', () => {
    synthesize().resourceCountIs(TABLE, 7);
  });

  const tables = [
    { id: 'Catalog', keys: ['pk', 'sk'], ttl: 'ttl', stream: undefined, recovery: true, indexes: {} },
    {
      id: 'Clicks',
      keys: ['id'],
      ttl: 'e',
      stream: { StreamViewType: 'NEW_IMAGE' },
      recovery: false,
      indexes: {},
    },
    {
      id: 'Conversions',
      keys: ['pk', 'sk'],
      ttl: undefined,
      stream: undefined,
      recovery: true,
      indexes: {
        by_month: ['month', 'listed_at'],
        by_campaign: ['campaign_id', 'listed_at'],
        by_publisher: ['publisher_id', 'listed_at'],
        by_advertiser: ['advertiser_id', 'listed_at'],
        by_click: ['click_id', 'listed_at'],
        by_due: ['due_shard', 'due_at'],
      },
    },
    {
      id: 'Deliveries',
      keys: ['pk', 'sk'],
      ttl: 'expires_at',
      stream: undefined,
      recovery: true,
      indexes: {
        by_month: ['month', 'listed_at'],
        by_publisher: ['publisher_id', 'listed_at'],
        by_due: ['due_shard', 'due_at'],
        by_stuck: ['postback_id', 'stuck_at'],
      },
    },
    { id: 'Hits', keys: ['pk', 'sk'], ttl: 'expires_at', stream: undefined, recovery: false, indexes: {} },
    { id: 'Counters', keys: ['pk', 'sk'], ttl: 'expires_at', stream: undefined, recovery: true, indexes: {} },
    {
      id: 'Audit',
      keys: ['pk', 'sk'],
      ttl: undefined,
      stream: undefined,
      recovery: true,
      indexes: { by_subject: ['subject', 'sk'] },
    },
  ];

  it.each(tables)('gives $id its keys and indexes, whole items projected', ({ id, keys, indexes }) => {
    const { properties } = table(id);

    const found = (properties.GlobalSecondaryIndexes ?? []).map((index) => [index.IndexName, keysOf(index.KeySchema)]);

    expect(keysOf(properties.KeySchema)).toEqual(keys);
    expect(Object.fromEntries(found)).toEqual(indexes);
    for (const index of properties.GlobalSecondaryIndexes ?? []) expect(index.Projection.ProjectionType).toBe('ALL');
  });

  it.each(tables)('types every key attribute of $id as a string, but for due_at', ({ id }) => {
    const { properties } = table(id);

    for (const { AttributeName, AttributeType } of properties.AttributeDefinitions) {
      expect([AttributeName, AttributeType]).toEqual([AttributeName, AttributeName === 'due_at' ? 'N' : 'S']);
    }
  });

  it.each(tables)('sets the TTL and stream of $id', ({ id, ttl, stream }) => {
    const { properties } = table(id);

    expect(properties.TimeToLiveSpecification).toEqual(
      ttl === undefined ? undefined : { AttributeName: ttl, Enabled: true },
    );
    expect(properties.StreamSpecification).toEqual(stream);
  });

  it.each(tables)('backs $id up only where nothing else could rebuild it ($recovery)', ({ id, recovery }) => {
    const replicas = table(id).properties.Replicas;

    expect(replicas.map((replica) => replica.PointInTimeRecoverySpecification)).toEqual([
      { PointInTimeRecoveryEnabled: recovery },
    ]);
  });

  it.each(tables)('backs nothing of $id up where the stage does not want it', ({ id }) => {
    const replicas = table(id, { pointInTimeRecovery: false }).properties.Replicas;

    expect(replicas.map((replica) => replica.PointInTimeRecoverySpecification)).toEqual([
      { PointInTimeRecoveryEnabled: false },
    ]);
  });

  it.each(tables)('protects $id from deletion as the stage says', ({ id }) => {
    const kept = table(id);
    const passing = table(id, { removalPolicy: RemovalPolicy.DESTROY, deletionProtection: false });

    expect(kept.resource).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(kept.properties.Replicas).toMatchObject([{ DeletionProtectionEnabled: true }]);
    expect(passing.resource).toMatchObject({ DeletionPolicy: 'Delete', UpdateReplacePolicy: 'Delete' });
    expect(passing.properties.Replicas).toMatchObject([{ DeletionProtectionEnabled: false }]);
  });

  it('bills every table by request, without a key of our own and without a physical name', () => {
    synthesize().allResourcesProperties(TABLE, {
      BillingMode: 'PAY_PER_REQUEST',
      SSESpecification: { SSEEnabled: false },
      TableName: Match.absent(),
    });
  });
});
