import type { Item } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Command } from '../command.ts';
import { textOf } from '../document.ts';
import { field, table } from '../table.ts';
import type { Column } from '../table.ts';
import { EXIT, UsageError } from '../terminal.ts';
import type { World } from '../world.ts';
import { applyRows } from './apply.ts';
import type { BulkReport } from './apply.ts';
import { MATCHES, readRows } from './rows.ts';
import type { Match } from './rows.ts';

const DONE: ReadonlySet<unknown> = new Set(['STATUS_CHANGED', 'AMOUNT_CHANGED']);
/** Whether it is not as the file wants it. */
const isLeft = ({ code }: Item) => !DONE.has(code) && code !== 'UNCHANGED';
/** One call must have all rows if the others are to be changed, too, and takes no more. */
const MOST_WITH_UNMATCHED = 1_000;

/** `flowback conversions bulk`: an advertiser's list of what became of its conversions. */
export function bulk(world: World): Command {
  return apiCommand(world, {
    description: 'Change many conversions as a CSV file says; its first line names the columns as the API does',
    args: {
      file: { type: 'positional', required: true, description: 'The file; -: standard input' },
      match: { type: 'string', description: 'The column that names conversions', valueHint: MATCHES.join('|') },
      status: { type: 'string', description: 'Of rows that name none', valueHint: 'approved|pending|rejected' },
      unmatched: {
        type: 'string',
        description: "What becomes of the advertiser's others of the time; needs --advertiser, --from, --to",
        valueHint: 'keep|approve|reject',
      },
      advertiser: { type: 'string', description: 'Whose conversions may be meant', valueHint: 'ID' },
      from: { type: 'string', description: 'The others: received from this time on', valueHint: 'TIME' },
      to: { type: 'string', description: 'The others: received before this time', valueHint: 'TIME' },
      'dry-run': { type: 'boolean', description: 'Tell what would be done, and do nothing' },
    },
    async run(
      { api, output },
      { file, match: given, status, unmatched, advertiser: advertiser_id, from, to, ...more },
    ) {
      const dryRun = more['dry-run'] === true;
      const { match, rows } = readRows(await textOf(file, world), { match: matchOf(given), status });
      const isWhole = unmatched !== undefined && unmatched !== 'keep';
      if (isWhole && rows.length > MOST_WITH_UNMATCHED) {
        throw new UsageError(
          `--unmatched takes ${MOST_WITH_UNMATCHED} rows at most, the file has ${rows.length}: split it by time, with --from and --to`,
        );
      }
      const rest = { unmatched, advertiser_id, from, to };
      const report = await applyRows({ match, rows, rest, isWhole, dryRun }, api, world);
      const { results, unmatched: others, totals, failure } = report;
      const failed = [...results, ...(others?.refused ?? [])].filter(isLeft);

      if (output.format === 'csv') await output.list([], results);
      else output.item({ results, unmatched: others, totals }, reportText(report, match, dryRun, world));
      if (failure !== null) throw failure;
      if (failed.some(({ code }) => code === 'TEMPORARILY_UNAVAILABLE')) return EXIT.unavailable;
      return failed.length === 0 ? EXIT.fine : EXIT.wrong;
    },
  });
}

function matchOf(text: string | undefined): Match | undefined {
  const match = MATCHES.find((name) => name === text);
  if (text === undefined || match !== undefined) return match;
  throw new UsageError(`--match must be one of ${MATCHES.join(', ')}`);
}

/** What was not changed, and why; then what was, in numbers. */
function reportText({ results, unmatched, totals }: BulkReport, match: Match, dryRun: boolean, world: World): string {
  const { columns } = world.terminal;
  const problems: readonly Column[] = [
    field('line', { right: true }),
    field(match, { whole: true }),
    field('code', { whole: true }),
    field('message'),
  ];
  const left = results.filter(isLeft);
  const refused = (unmatched?.refused ?? []).map((result) => ({ ...result, line: 'unmatched', [match]: null }));
  const changed = results.filter(({ code }) => DONE.has(code)).length;
  const counts = [
    `${changed} changed`,
    `${results.length - changed - left.length} as the file says already`,
    `${left.length} not changed`,
    ...(unmatched === null ? [] : [`${unmatched.changed} unmatched changed`]),
  ];
  const sums = Object.entries(totals).map(([currency, amounts]) => ({ currency, ...amounts }));
  const money = [field('currency'), field('payout', { right: true }), field('revenue', { right: true })];
  return [
    ...(left.length + refused.length === 0 ? [] : [...table(problems, [...left, ...refused], columns), '']),
    `${dryRun ? 'Nothing was done (--dry-run); it would be: ' : ''}${counts.join(', ')}`,
    ...(sums.length === 0 ? [] : ['', 'Difference of approved money:', ...table(money, sums, columns)]),
  ].join('\n');
}
