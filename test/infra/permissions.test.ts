import { describe, expect, it } from 'vitest';
import { resourcesOf, stackTemplate } from './synthesize.ts';

/**
 * Everything that each role may do, written down a second time and on purpose: a permission is added in two places or
 * not at all (invariant 13). One line is one action on one resource: `action resource [partitions] {attributes}`.
 */
const forTable = (
  table: string,
  actions: readonly string[],
  partitions?: readonly string[],
  attributes?: readonly string[],
): string[] =>
  actions.map(
    (action) =>
      `dynamodb:${action} ${table}${partitions ? ` [${partitions.join(' ')}]` : ''}` +
      (attributes ? ` {${attributes.join(' ')}}` : ''),
  );

const forIndexes = (table: string, indexes: readonly string[]): string[] =>
  indexes.map((index) => `dynamodb:Query ${table}/index/${index}`);

const LOGS = ['logs:CreateLogStream own log group', 'logs:PutLogEvents own log group'];

const RECORDS_CONVERSIONS = [
  ...LOGS,
  ...forTable(
    'Catalog',
    ['GetItem', 'Query'],
    ['campaign', 'campaign_terms#*', 'mac_key', 'postback_of#*', 'sender', 'sender_token', 'settings'],
  ),
  ...forTable('Clicks', ['GetItem']),
  ...forTable('Conversions', ['GetItem', 'PutItem', 'Query', 'UpdateItem']),
  ...forTable('Deliveries', ['PutItem', 'Query', 'UpdateItem']),
  ...forTable('Hits', ['PutItem']),
  ...forTable('Counters', ['GetItem', 'UpdateItem'], ['conversions#*']),
  'sqs:SendMessage NotificationsQueue',
];

const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  Redirect: [
    ...LOGS,
    ...forTable('Catalog', ['GetItem', 'Query'], ['campaign', 'mac_key', 'publisher', 'settings']),
    ...forTable('Clicks', ['PutItem']),
    ...forTable('Counters', ['UpdateItem'], ['clicks#*', 'impressions#*', 'visit#*']),
    ...forTable('Counters', ['GetItem'], ['visit#*']),
    ...forTable('Counters', ['Query'], ['conversions#*']),
    'sqs:SendMessage ClickSpoolQueue',
  ],
  Spool: [
    ...LOGS,
    ...forTable('Clicks', ['PutItem']),
    ...forTable('Counters', ['UpdateItem'], ['clicks#*', 'visit#*']),
    ...forTable('Counters', ['GetItem'], ['visit#*']),
    'sqs:DeleteMessage ClickSpoolQueue',
    'sqs:GetQueueAttributes ClickSpoolQueue',
    'sqs:ReceiveMessage ClickSpoolQueue',
  ],
  ClickPayout: [
    ...LOGS,
    'dynamodb:DescribeStream stream of Clicks',
    'dynamodb:GetRecords stream of Clicks',
    'dynamodb:GetShardIterator stream of Clicks',
    'dynamodb:ListStreams stream of Clicks',
    ...forTable('Catalog', ['GetItem', 'Query'], ['campaign', 'postback_of#*', 'settings']),
    ...forTable('Conversions', ['PutItem'], ['click#*']),
    ...forTable('Deliveries', ['PutItem']),
    'sqs:SendMessage ClickPayoutsFailures',
    'sqs:SendMessage NotificationsQueue',
  ],
  Conversion: [...RECORDS_CONVERSIONS, 'sqs:SendMessage PixelSpoolQueue'],
  SpooledPixels: [
    ...RECORDS_CONVERSIONS,
    'sqs:DeleteMessage PixelSpoolQueue',
    'sqs:GetQueueAttributes PixelSpoolQueue',
    'sqs:ReceiveMessage PixelSpoolQueue',
  ],
  Delivery: [
    ...LOGS,
    ...forTable('Catalog', ['GetItem'], ['postback']),
    ...forTable(
      'Catalog',
      ['UpdateItem'],
      ['postback', 'postback_of#*'],
      ['disabled_at', 'disabled_reason', 'pk', 'sk', 'status', 'updated_at', 'version'],
    ),
    ...forTable('Deliveries', ['GetItem', 'PutItem', 'UpdateItem']),
    'sqs:ChangeMessageVisibility NotificationsQueue',
    'sqs:DeleteMessage NotificationsQueue',
    'sqs:GetQueueAttributes NotificationsQueue',
    'sqs:ReceiveMessage NotificationsQueue',
    'sqs:SendMessage NotificationsQueue',
  ],
  Sweeper: [
    ...RECORDS_CONVERSIONS,
    ...forIndexes('Conversions', ['by_due']),
    ...forTable('Conversions', ['DeleteItem'], ['parked#*']),
    ...forIndexes('Deliveries', ['by_due']),
    'sqs:GetQueueAttributes NotificationsQueue',
  ],
  Management: [
    ...RECORDS_CONVERSIONS,
    ...forTable(
      'Catalog',
      ['ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'],
      [
        'advertiser',
        'api_key',
        'api_key_hash',
        'campaign',
        'cursor_key',
        'idempotency#*',
        'postback',
        'postback_of#*',
        'publisher',
        'sender',
        'sender_token',
        'settings',
      ],
    ),
    ...forTable('Catalog', ['PutItem'], ['campaign_terms#*']),
    ...forTable('Counters', ['GetItem'], ['clicks#*']),
    ...forIndexes('Conversions', ['by_advertiser', 'by_campaign', 'by_click', 'by_month', 'by_publisher']),
    ...forTable('Deliveries', ['GetItem', 'Query']),
    ...forIndexes('Deliveries', ['by_month', 'by_publisher', 'by_stuck']),
    ...forTable('Hits', ['GetItem', 'Query']),
    ...forTable('Audit', ['PutItem', 'Query']),
    ...forIndexes('Audit', ['by_subject']),
    'sqs:DeleteMessage NotificationsDeadLetters',
    'sqs:GetQueueAttributes NotificationsDeadLetters',
    'sqs:ReceiveMessage NotificationsDeadLetters',
  ],
  Bootstrap: [
    ...LOGS,
    ...forTable(
      'Catalog',
      ['GetItem', 'PutItem', 'Query'],
      ['api_key', 'api_key_hash', 'cursor_key', 'mac_key', 'settings'],
    ),
    ...forTable('Audit', ['PutItem']),
  ],
};

type OneOrMany<T> = T | readonly T[];
type Arn = string | { readonly 'Fn::GetAtt': readonly [string, string] } | { readonly 'Fn::Join': readonly unknown[] };

interface Statement {
  readonly Effect: string;
  readonly Action: OneOrMany<string>;
  readonly Resource: OneOrMany<Arn>;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, OneOrMany<string>>>>>;
}

interface PolicyProperties {
  readonly Roles: readonly { readonly Ref: string }[];
  readonly PolicyDocument: { readonly Statement: readonly Statement[] };
}

const many = <T>(value: OneOrMany<T>): readonly T[] => (Array.isArray(value) ? (value as readonly T[]) : [value as T]);

/** Logical ids end in a hash of eight digits; without it they are the path of the construct. */
const nameOf = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

const resourceName = (role: string, arn: Arn): string => {
  if (typeof arn === 'string') return arn;
  if ('Fn::GetAtt' in arn) {
    const [logicalId, attribute] = arn['Fn::GetAtt'];
    const name = nameOf(logicalId).replace(/^Storage/, '');
    if (attribute === 'StreamArn') return `stream of ${name}`;
    return name === `${role}Logs` ? 'own log group' : name;
  }
  const [separator, parts] = arn['Fn::Join'];
  return (parts as readonly Arn[]).map((part) => resourceName(role, part)).join(separator as string);
};

const conditionText = (condition: Statement['Condition']): string => {
  if (condition === undefined) return '';
  const keys = condition['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] ?? [];
  const attributes = condition['ForAllValues:StringEquals']?.['dynamodb:Attributes'];
  const list = (values: OneOrMany<string>): string => [...many(values)].sort().join(' ');
  if (attributes === undefined) {
    expect(condition).toEqual({
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
      Null: { 'dynamodb:LeadingKeys': 'false' },
    });
    return ` [${list(keys)}]`;
  }
  expect(condition).toEqual({
    'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys },
    'ForAllValues:StringEquals': { 'dynamodb:Attributes': attributes },
    Null: { 'dynamodb:LeadingKeys': 'false', 'dynamodb:Attributes': 'false' },
    StringEqualsIfExists: {
      'dynamodb:Select': 'SPECIFIC_ATTRIBUTES',
      'dynamodb:ReturnValues': ['NONE', 'UPDATED_OLD', 'UPDATED_NEW'],
    },
  });
  return ` [${list(keys)}] {${list(attributes)}}`;
};

/** Every statement of every role, as lines like those above. */
const grantedByRole = (options: Parameters<typeof stackTemplate>[0]): Record<string, string[]> => {
  const template = stackTemplate(options);
  const granted: Record<string, string[]> = {};
  for (const role of Object.keys(resourcesOf(template, 'AWS::IAM::Role'))) {
    granted[nameOf(role).replace(/Role$/, '')] = [];
  }
  for (const policy of Object.values(resourcesOf(template, 'AWS::IAM::Policy'))) {
    const { Roles, PolicyDocument } = policy.Properties as unknown as PolicyProperties;
    for (const { Ref } of Roles) {
      const role = nameOf(Ref).replace(/Role$/, '');
      for (const { Effect, Action, Resource, Condition } of PolicyDocument.Statement) {
        expect(Effect).toBe('Allow');
        for (const action of many(Action)) {
          for (const arn of many(Resource)) {
            granted[role]?.push(`${action} ${resourceName(role, arn)}${conditionText(Condition)}`);
          }
        }
      }
    }
  }
  return granted;
};

const sorted = (lines: readonly (string | undefined)[]): (string | undefined)[] => [...new Set(lines)].sort();

describe.each(['dev', 'prod'])('permissions of the %s stage (invariant 13)', (stage) => {
  const granted = grantedByRole({ stage });

  it('gives each function a role of its own, and nobody else one', () => {
    expect(Object.keys(granted).sort()).toEqual(Object.keys(ALLOWED).sort());
  });

  it.each(Object.keys(ALLOWED))('allows %s exactly what its table says', (role) => {
    expect(sorted(granted[role] ?? [])).toEqual(sorted(ALLOWED[role] ?? []));
  });

  it('allows nobody a scan, a wildcard action or a wildcard resource', () => {
    const lines = Object.values(granted).flat();

    for (const line of lines) {
      const [grant] = line.split(' [');
      expect(grant).not.toMatch(/\*|Scan|PartiQL/);
    }
  });

  it('lets nobody change or delete what the audit trail says', () => {
    const audit = Object.values(granted).flatMap((lines) => lines.filter((line) => line.includes(' Audit')));

    expect(sorted(audit.map((line) => line.split(' ')[0]))).toEqual(['dynamodb:PutItem', 'dynamodb:Query']);
  });

  it('lets only those functions read the MAC key that mint or verify click ids (invariant 12)', () => {
    const readers = Object.keys(granted).filter((role) => granted[role]?.some((line) => line.includes('mac_key')));

    expect(readers.sort()).toEqual(['Bootstrap', 'Conversion', 'Management', 'Redirect', 'SpooledPixels', 'Sweeper']);
  });
});

describe('the function that speaks to the outside', () => {
  const lines = grantedByRole({})['Delivery'] ?? [];

  it('may touch two tables and its queue, and nothing else (invariant 13)', () => {
    const resources = lines.map((line) => line.split(' ')[1]);

    expect(sorted(resources)).toEqual(['Catalog', 'Deliveries', 'NotificationsQueue', 'own']);
  });

  it('may disable a postback but not say where it goes (invariant 11)', () => {
    const writes = lines.filter((line) => /^dynamodb:(?!GetItem|Query)\S+ Catalog/.test(line));

    expect(writes).toHaveLength(1);
    expect(writes[0]).toMatch(/\{[^}]*status[^}]*\}$/);
    expect(writes[0]).not.toMatch(/url|method|publisher/);
  });
});

describe('roles', () => {
  it('have neither managed nor inline policies and can be assumed by Lambda alone', () => {
    const roles = Object.values(resourcesOf(stackTemplate(), 'AWS::IAM::Role'));

    for (const role of roles) {
      expect(role.Properties['ManagedPolicyArns']).toBeUndefined();
      expect(role.Properties['Policies']).toBeUndefined();
      expect(role.Properties['AssumeRolePolicyDocument']).toMatchObject({
        Statement: [{ Action: 'sts:AssumeRole', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' } }],
      });
    }
  });

  it('are named by no policy but their own, so that no other grant hides elsewhere', () => {
    const policies = Object.values(resourcesOf(stackTemplate(), 'AWS::IAM::Policy'));

    const roles = policies.flatMap((policy) => (policy.Properties as unknown as PolicyProperties).Roles);

    expect(new Set(roles.map((role) => role.Ref)).size).toBe(policies.length);
  });

  it('stay within what IAM takes of inline policies, 10,240 characters, with the longest names', () => {
    const longestArn = 'x'.repeat(160);
    const sizes = Object.values(resourcesOf(stackTemplate(), 'AWS::IAM::Policy')).map(({ Properties }) => {
      const resolved = JSON.stringify(Properties['PolicyDocument'], (_, value: unknown) =>
        typeof value === 'object' && value !== null && 'Fn::GetAtt' in value ? longestArn : value,
      );
      return resolved.length;
    });

    expect(Math.max(...sizes)).toBeLessThan(10_240);
  });
});
