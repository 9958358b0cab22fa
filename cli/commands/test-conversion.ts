import { path } from '../api.ts';
import type { Api, Item } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Command } from '../command.ts';
import { documentOf, optionArgs } from '../document.ts';
import type { Fields } from '../document.ts';
import { conversionText } from '../facts/conversion.ts';
import { answerText, deliveryOf, hasEnded } from '../facts/delivery.ts';
import type { Delivery } from '../facts/delivery.ts';
import { EXIT, UsageError } from '../terminal.ts';
import { printable, shown } from '../text.ts';
import type { World } from '../world.ts';

const FIELDS: Fields = {
  goal: { description: "The goal it reaches; else the campaign's default", valueHint: 'GOAL' },
  status: { description: "Its status; else the goal's default", valueHint: 'approved|pending|rejected' },
  txn: { description: "The advertiser's ID of it; else one is made up", valueHint: 'TXN_ID', field: 'txn_id' },
  'sale-amount': { description: 'What was sold', valueHint: 'AMOUNT' },
  currency: { description: "Of the sale; else the campaign's", valueHint: 'CODE' },
  payout: { description: 'What it pays, where the goal accepts that', valueHint: 'AMOUNT' },
  revenue: { description: 'What it brings, where the goal accepts that', valueHint: 'AMOUNT' },
};

/** Milliseconds between two looks at deliveries. */
const LOOK = 500;
/** The list may not show yet for so many milliseconds what was just written. */
const UNTIL_LISTED = 2_000;
const WAIT = '30';

/** `flowback test conversion`: from a click to the publisher, without money. */
export function testConversion(world: World): Command {
  const { terminal } = world;
  return apiCommand(world, {
    description: 'Record a test conversion of a click, in no sum or report, and watch it arrive at the publisher',
    args: {
      click: { type: 'positional', required: true, description: 'The ID of the click' },
      ...optionArgs(FIELDS),
      wait: { type: 'string', description: `How long to watch; ${WAIT} unless given`, valueHint: 'SECONDS' },
    },
    async run({ api, output }, { click, wait = WAIT, ...given }) {
      if (!/^\d{1,5}$/.test(wait)) throw new UsageError('--wait must be a whole number of seconds');
      const body = await documentOf(FIELDS, given, world);
      const conversion = await api.send('POST', path('clicks', click, 'test-conversion'), body);
      const id = shown(conversion['id']);
      output.note(`Recorded conversion ${id}: ${conversionText(conversion)}`);

      const isText = output.format === 'text';
      const tell = (text: string) => {
        if (isText) terminal.out(printable(text));
      };
      const items = await watch(id, Number(wait) * 1_000, tell, api, world);
      if (!isText) output.item({ conversion, deliveries: items });
      const deliveries = items.map(deliveryOf);
      const late = deliveries.filter(({ state }) => state !== 'delivered');
      if (deliveries.length === 0) output.note(NOBODY_TOLD);
      else if (late.some((delivery) => !hasEnded(delivery))) {
        output.note(`See later: flowback deliveries --conversion ${id}`);
        const idle = late.find(({ state, attempts }) => state === 'waiting' && attempts.length === 0);
        if (idle) output.note(`Is the postback paused? flowback postbacks show ${idle.postback_id}`);
      }
      return deliveries.length > 0 && late.length === 0 ? EXIT.fine : EXIT.wrong;
    },
  });
}

const NOBODY_TOLD = [
  'No postback matches, so the publisher is not told.',
  'A postback must be for this publisher, campaign and goal, and fire on this status: flowback postbacks',
].join('\n');

/** The conversion's deliveries; each attempt and end is told when it is seen, until all have ended or the time is over. */
async function watch(
  conversionId: string,
  patience: number,
  tell: (text: string) => void,
  api: Api,
  { terminal, now, wait }: World,
): Promise<readonly Item[]> {
  const began = now();
  const told = new Map<string, string>();
  for (;;) {
    const items = await listed(conversionId, api);
    const deliveries = items.map(deliveryOf);
    for (const delivery of deliveries) {
      const seen = `${delivery.attempts.length} ${hasEnded(delivery)}`;
      if ((told.get(delivery.id) ?? NOTHING_YET) !== seen) tell(deliveryText(delivery));
      told.set(delivery.id, seen);
    }
    const open = deliveries.filter((delivery) => !hasEnded(delivery));
    const isOver = now() - began >= (deliveries.length === 0 ? Math.min(UNTIL_LISTED, patience) : patience);
    if (isOver) for (const delivery of open) if (told.get(delivery.id) === NOTHING_YET) tell(deliveryText(delivery));
    if (isOver || (deliveries.length > 0 && open.length === 0)) return items;
    terminal.progress(`waiting for ${open.length} of ${deliveries.length} deliveries`);
    await wait(LOOK);
    terminal.progress('');
  }
}

const NOTHING_YET = '0 false';

async function listed(conversionId: string, api: Api): Promise<readonly Item[]> {
  const items: Item[] = [];
  for await (const item of api.list(path('deliveries'), { conversion_id: conversionId }, Infinity)) items.push(item);
  return items;
}

/** Where it is, and what its last attempt came to. */
function deliveryText(delivery: Delivery): string {
  const { state, postback_id: postback, publisher_id: publisher, next_attempt_at: next, attempts } = delivery;
  const last = attempts.at(-1);
  const answer = last === undefined ? 'not sent yet' : `${answerText(last)} after ${last.duration_ms} ms`;
  const again = state === 'waiting' && next !== null && last !== undefined ? `, again at ${next}` : '';
  return `${state.padEnd(9)}  ${answer}${again}  (postback ${postback}, publisher ${publisher})`;
}
