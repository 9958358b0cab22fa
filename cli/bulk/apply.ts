import * as z from 'zod';

import { path, Refusal } from '../api.ts';
import type { Api, Item } from '../api.ts';
import { EXIT, Failure } from '../terminal.ts';
import type { World } from '../world.ts';
import type { Match, Row } from './rows.ts';
import { Totals } from './totals.ts';
import type { MoneyByCurrency } from './totals.ts';

export interface Order {
  readonly match: Match;
  readonly rows: readonly Row[];
  /** What the call says beside match and items. */
  readonly rest: Item;
  /** Whether the call is also about what no row names, so that it must have all rows. */
  readonly isWhole: boolean;
  readonly dryRun: boolean;
}

/** What became of the rows, in their order; fields as --json prints them. */
export interface BulkReport {
  readonly results: readonly Item[];
  /** What became of what no row names; null: nothing was asked for. */
  readonly unmatched: { readonly changed: number; readonly conversion_ids: string[]; readonly refused: Item[] } | null;
  readonly totals: MoneyByCurrency;
  /** Why not all was tried; null: all was. */
  readonly failure: Failure | null;
}

/** The API takes so many items and characters a call; some are left for what else is in it. */
const MOST_ROWS = 1_000;
const MOST_CHARACTERS = 400_000;
/** Calls in a row that may do nothing, and milliseconds between them. */
const PATIENCE = 3;
const PAUSE = 1_000;

/** Something that is worth another try: the API ran out of time, or storage failed. */
const AGAIN = 'TEMPORARILY_UNAVAILABLE';

/** Changes what the rows say, in as many calls as it takes. What was done before a failure is told with it. */
export async function applyRows(order: Order, api: Pick<Api, 'send'>, world: World): Promise<BulkReport> {
  const { match, rows, rest, isWhole, dryRun } = order;
  const results = new Map<Row, Item>();
  const totals = new Totals();
  const unmatched = { changed: 0, conversion_ids: [] as string[], refused: [] as Item[] };
  let failure: Failure | null = null;

  const send = async (some: readonly Row[]) => {
    const body = { match, items: some.map(({ item }) => item), dry_run: dryRun, ...rest };
    const answer = answered.parse(await api.send('POST', path('conversions', 'bulk'), body));
    for (const { index, ...result } of answer.results) {
      const row = some[index];
      // A repeat finds done what was done before.
      if (row !== undefined && isOpen(results.get(row))) results.set(row, result);
    }
    for (const [currency, amounts] of Object.entries(answer.totals)) {
      for (const [name, amount] of Object.entries(amounts)) totals.add(currency, name, amount);
    }
    const { approved = 0, rejected = 0, conversion_ids, refused } = answer.unmatched;
    unmatched.changed += approved + rejected;
    unmatched.conversion_ids.push(...conversion_ids);
    unmatched.refused = refused;
    return answer;
  };

  /** Sends rows until each has its result, or nothing more comes of it. */
  const sendAll = async (some: readonly Row[]) => {
    let open = some;
    for (let idle = 0; open.length > 0 && idle < PATIENCE;) {
      try {
        await send(open);
      } catch (error) {
        const wrong = wrongRows(error, open);
        if (wrong.size === 0) throw error;
        for (const [row, result] of wrong) results.set(row, result);
      }
      const left = open.filter((row) => isOpen(results.get(row)));
      idle = left.length < open.length ? 0 : idle + 1;
      open = left;
      if (open.some((row) => results.has(row))) await world.wait(PAUSE);
    }
  };

  /** Sends all rows at once until all is done; a dry run begins anew each time, so it gets one try. */
  const sendWhole = async () => {
    const done = () => rows.filter((row) => !isOpen(results.get(row))).length + unmatched.changed;
    for (let idle = 0; idle < PATIENCE;) {
      const before = done();
      const { complete } = await send(rows).catch((error: unknown) => {
        throw named(error, rows);
      });
      if (complete) return;
      if (dryRun) throw new Failure('there was no time for all', { exit: EXIT.unavailable, details: [SHORTER] });
      idle = done() > before ? 0 : idle + 1;
      await world.wait(PAUSE);
    }
    throw new Failure('not all could be done', { exit: EXIT.unavailable, details: [GO_ON] });
  };

  try {
    if (isWhole) {
      await sendWhole();
    } else {
      for (const some of callsOf(rows)) {
        world.terminal.progress(`${results.size} of ${rows.length} rows`);
        await sendAll(some);
      }
    }
  } catch (error) {
    if (!(error instanceof Failure) || results.size === 0) throw error;
    failure = error;
  }
  world.terminal.progress('');
  return {
    results: rows.map((row) => ({ line: row.line, [match]: row.key, ...(results.get(row) ?? NOT_SENT) })),
    unmatched: isWhole ? unmatched : null,
    totals: totals.byCurrency(),
    failure,
  };
}

const GO_ON = 'Run the command again: what is done is found done.';
const SHORTER = 'A dry run begins anew each time: try a shorter time with --from and --to.';
const NOT_SENT = { conversion_id: null, code: 'NOT_SENT', message: 'Not sent, because a call before failed' };

const amounts = z.record(z.string(), z.string());
const result = z.looseObject({ code: z.string() });
const answered = z.object({
  results: z.array(result.extend({ index: z.number() })),
  unmatched: z.object({
    approved: z.number().optional(),
    rejected: z.number().optional(),
    conversion_ids: z.array(z.string()),
    refused: z.array(result),
  }),
  totals: z.record(z.string(), amounts),
  complete: z.boolean(),
});

function isOpen(result: Item | undefined): boolean {
  return result === undefined || result['code'] === AGAIN;
}

/**
 * Rows in calls that the API takes. All of one key are in one call, because the API tells several items that mean the same
 * conversion only within it.
 */
function callsOf(rows: readonly Row[]): readonly (readonly Row[])[] {
  const byKey = new Map<string | Row, Row[]>();
  for (const row of rows) {
    // Rows without a key have nothing in common.
    const key = row.key.normalize('NFC').toLowerCase() || row;
    const same = byKey.get(key);
    if (same === undefined) byKey.set(key, [row]);
    else same.push(row);
  }
  const calls: Row[][] = [];
  let size = Infinity;
  for (const same of byKey.values()) {
    const more = JSON.stringify(same.map(({ item }) => item)).length;
    const last = calls.at(-1);
    if (last === undefined || last.length + same.length > MOST_ROWS || size + more > MOST_CHARACTERS) {
      calls.push([...same]);
      size = more;
    } else {
      last.push(...same);
      size += more;
    }
  }
  return calls;
}

const POINTER = /^\/items\/(\d+)(?:\/(.*))?$/;

/** What the API says is wrong with rows; empty: it says something else. */
function wrongRows(error: unknown, rows: readonly Row[]): ReadonlyMap<Row, Item> {
  const wrong = new Map<Row, Item>();
  if (!(error instanceof Refusal)) return wrong;
  for (const { pointer, code, message } of error.errors) {
    const [, index, name] = POINTER.exec(pointer) ?? [];
    const row = rows[Number(index)];
    if (row === undefined) return new Map();
    wrong.set(row, { conversion_id: null, code, message: name === undefined ? message : `${name}: ${message}` });
  }
  return wrong;
}

/** The same failure, which tells lines of the file instead of items of the call. */
function named(error: unknown, rows: readonly Row[]): unknown {
  const wrong = [...wrongRows(error, rows)];
  if (wrong.length === 0) return error;
  return new Failure('nothing was done, because rows are wrong and would count as unmatched', {
    details: wrong.map(([{ line }, { code, message }]) => `  line ${line}  ${String(code)}  ${String(message)}`),
  });
}
