import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LOG_EVENTS } from '../../../lambdas/runtime/log.ts';

const catalogue = readFileSync(new URL('../../../docs/logging.md', import.meta.url), 'utf8');

/** `event | level | function | fields`, of each row of the catalogue. */
const rows = [...catalogue.matchAll(/^\| `(\w+)` \| (\w+) \| [^|]+ \| ([^|]+) \|/gm)].map(
  ([, event, level, fields]) => [
    event,
    { level, fields: [...(fields ?? '').matchAll(/`(\w+)`/g)].map(([, field]) => field) },
  ],
);

test('docs/logging.md lists every log event with its level and fields, and no others', () => {
  expect(Object.fromEntries(rows)).toEqual(LOG_EVENTS);
  expect(rows).toHaveLength(Object.keys(LOG_EVENTS).length);
});
