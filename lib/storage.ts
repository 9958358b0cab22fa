import { Validations } from 'aws-cdk-lib';
import type { GlobalSecondaryIndexPropsV2, TablePropsV2 } from 'aws-cdk-lib/aws-dynamodb';
import { AttributeType, Billing, StreamViewType, TableEncryptionV2, TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { INDEX } from '../lambdas/runtime/environment.ts';
import type { DataConfig } from './stage-config.ts';

export type StorageProps = DataConfig;

const string = (name: string) => ({ name, type: AttributeType.STRING });
const number = (name: string) => ({ name, type: AttributeType.NUMBER });

/** Lists, newest first; `listed_at` keeps equal times apart. */
const listedBy = (indexName: string, attribute: string): GlobalSecondaryIndexPropsV2 => ({
  indexName,
  partitionKey: string(attribute),
  sortKey: string('listed_at'),
});

/** Work that is due; sharded, because everything due now would otherwise share one partition. */
const dueAt = (indexName: string): GlobalSecondaryIndexPropsV2 => ({
  indexName,
  partitionKey: string('due_shard'),
  sortKey: number('due_at'),
});

const ITEM_KEY = { partitionKey: string('pk'), sortKey: string('sk') };

/** The tables, apart because their lifetime, volume, backup and permissions differ (docs/data-model.md). */
export class Storage extends Construct {
  readonly catalog: TableV2;
  readonly clicks: TableV2;
  readonly conversions: TableV2;
  readonly deliveries: TableV2;
  readonly hits: TableV2;
  readonly counters: TableV2;
  readonly audit: TableV2;

  constructor(scope: Construct, id: string, props: StorageProps) {
    super(scope, id);

    // Only answers kept for an Idempotency-Key carry it in seconds; nothing that an operator made ever expires by it.
    this.catalog = this.#precious('Catalog', props, { ...ITEM_KEY, timeToLiveAttribute: 'ttl' });

    // No index and a name of one letter for the TTL: a click must cost one write unit.
    this.clicks = this.#passing('Clicks', props, {
      partitionKey: string('id'),
      timeToLiveAttribute: 'e',
      dynamoStream: StreamViewType.NEW_IMAGE,
    });

    this.conversions = this.#precious('Conversions', props, {
      ...ITEM_KEY,
      globalSecondaryIndexes: [
        listedBy(INDEX.conversions.byMonth, 'month'),
        listedBy(INDEX.conversions.byCampaign, 'campaign_id'),
        listedBy(INDEX.conversions.byPublisher, 'publisher_id'),
        listedBy(INDEX.conversions.byAdvertiser, 'advertiser_id'),
        listedBy(INDEX.conversions.byClick, 'click_id'),
        dueAt(INDEX.conversions.byDue),
      ],
    });

    this.deliveries = this.#precious('Deliveries', props, {
      ...ITEM_KEY,
      timeToLiveAttribute: 'expires_at',
      globalSecondaryIndexes: [
        listedBy(INDEX.deliveries.byMonth, 'month'),
        listedBy(INDEX.deliveries.byPublisher, 'publisher_id'),
        dueAt(INDEX.deliveries.byDue),
        // Sparse: only what failed or is held has `stuck_at`.
        { indexName: INDEX.deliveries.byStuck, partitionKey: string('postback_id'), sortKey: string('stuck_at') },
      ],
    });

    this.hits = this.#passing('Hits', props, { ...ITEM_KEY, timeToLiveAttribute: 'expires_at' });

    // Visits and impressions expire; counts of caps never carry the attribute, and no recount could make them again.
    this.counters = this.#precious('Counters', props, { ...ITEM_KEY, timeToLiveAttribute: 'expires_at' });

    this.audit = this.#precious('Audit', props, {
      ...ITEM_KEY,
      globalSecondaryIndexes: [
        { indexName: INDEX.audit.bySubject, partitionKey: string('subject'), sortKey: string('sk') },
      ],
    });
  }

  /** A table that nothing else could rebuild. */
  #precious(id: string, props: StorageProps, table: TablePropsV2): TableV2 {
    const precious = this.#table(id, props, props.pointInTimeRecovery, table);
    if (!props.pointInTimeRecovery) {
      Validations.of(precious).acknowledge({
        id: 'AwsSolutions-DDB3',
        reason: 'Point-in-time recovery is switched off by the configuration of this stage, whose data may be lost.',
      });
    }
    return precious;
  }

  /** A table of high volume whose items expire by themselves. */
  #passing(id: string, props: StorageProps, table: TablePropsV2): TableV2 {
    const passing = this.#table(id, props, false, table);
    Validations.of(passing).acknowledge({
      id: 'AwsSolutions-DDB3',
      reason:
        'Items expire by TTL and are never restored: a backup of the largest tables would cost more than it helps.',
    });
    return passing;
  }

  #table(id: string, props: StorageProps, pointInTimeRecoveryEnabled: boolean, table: TablePropsV2): TableV2 {
    return new TableV2(this, id, {
      ...table,
      billing: Billing.onDemand(),
      // AWS's own key: encrypted at rest without the price of a KMS call.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      deletionProtection: props.deletionProtection,
      removalPolicy: props.removalPolicy,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled },
    });
  }
}
