/** What calls of DynamoDB and SQS came to. */
export interface Consumed {
  /** By operation and table, `GetItem Catalog`; a transaction and a message are of none. */
  readonly calls: Readonly<Record<string, number>>;
  /** Rows that transactions wrote. */
  readonly rows: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  /** Write units of indexes, beside those of their tables. */
  readonly indexUnits: number;
}

export const NOTHING: Consumed = { calls: {}, rows: 0, readUnits: 0, writeUnits: 0, indexUnits: 0 };

interface Capacity {
  readonly CapacityUnits: number;
}

interface TableCapacity {
  readonly Table: Capacity;
  readonly GlobalSecondaryIndexes?: Readonly<Record<string, Capacity>>;
}

export interface Request {
  readonly TableName?: string;
  readonly ConsistentRead?: boolean;
  readonly TransactItems?: readonly object[];
}

/** Of a call that asked for its capacity by index (`INDEXES`). */
export interface Response {
  readonly ConsumedCapacity?: TableCapacity | readonly TableCapacity[];
}

/**
 * What one call of DynamoDB is billed, from the capacity that DynamoDB Local 3.3 reports, put right where AWS is known to
 * report another one:
 *  - a transaction's rows count twice, but what follows from them in indexes does not:
 *    https://github.com/nubo-db/dynoxide/pull/188 (measured there on AWS);
 *  - a query that finds nothing is billed as if it had found a little.
 *
 * @throws Error where it reports nothing that could be put right: of a failed call, and of condition checks
 */
export function consumedBy(operation: string, request: Request, response: Response): Consumed {
  const { ConsumedCapacity } = response;
  if (ConsumedCapacity === undefined) throw new Error(`${operation} answered without its capacity`);
  if (request.TransactItems?.some((row) => 'ConditionCheck' in row) === true) {
    throw new Error('DynamoDB Local counts no condition checks');
  }
  const tables = 'Table' in ConsumedCapacity ? [ConsumedCapacity] : ConsumedCapacity;
  const ofTables = sum(tables.map(({ Table }) => Table.CapacityUnits));
  const ofIndexes = sum(
    tables.flatMap(({ GlobalSecondaryIndexes: indexes = {} }) => Object.values(indexes).map((of) => of.CapacityUnits)),
  );
  const call = {
    calls: { [[operation, request.TableName].join(' ').trim()]: 1 },
    rows: request.TransactItems?.length ?? 0,
  };
  if (/^(GetItem|Query)$/.test(operation)) {
    const least = request.ConsistentRead === true ? 1 : 0.5;
    return { ...NOTHING, ...call, readUnits: Math.max(ofTables + ofIndexes, least) };
  }
  const indexUnits = request.TransactItems === undefined ? ofIndexes : ofIndexes / 2;
  return { ...NOTHING, ...call, writeUnits: ofTables, indexUnits };
}

export function addConsumed(a: Consumed, b: Consumed): Consumed {
  const calls = { ...a.calls };
  for (const [name, count] of Object.entries(b.calls)) calls[name] = (calls[name] ?? 0) + count;
  return {
    calls,
    rows: a.rows + b.rows,
    readUnits: a.readUnits + b.readUnits,
    writeUnits: a.writeUnits + b.writeUnits,
    indexUnits: a.indexUnits + b.indexUnits,
  };
}

/** The number of calls whose name begins with `operation`; all without it. */
export function countCalls({ calls }: Consumed, operation = ''): number {
  return sum(Object.entries(calls).map(([name, count]) => (name.startsWith(operation) ? count : 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
