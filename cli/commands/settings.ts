import { path } from '../api.ts';
import { apiCommand } from '../command.ts';
import type { Group } from '../command.ts';
import { DOCUMENT_ARGS, documentOf, optionArgs, patchOfPairs, wholeNumber } from '../document.ts';
import type { Fields } from '../document.ts';
import { UsageError } from '../terminal.ts';
import type { World } from '../world.ts';

const FIELDS: Fields = {
  'network-name': { description: 'What the network is called', valueHint: 'NAME' },
  'time-zone': { description: 'Whose days and months caps and reports have', valueHint: 'Europe/Berlin' },
  currency: { description: 'Of campaigns that say none', valueHint: 'CODE' },
  'fallback-url': { description: 'Where visitors go that no campaign takes', valueHint: 'URL' },
  'attribution-window-days': {
    description: 'How long after its click a conversion counts',
    valueHint: 'DAYS',
    read: wholeNumber,
  },
  'click-retention-days': { description: 'How long clicks are kept', valueHint: 'DAYS', read: wholeNumber },
};

export function settings(world: World): Group {
  const show = apiCommand(world, {
    description: 'Show the settings of the network',
    args: {},
    async run({ api, output }) {
      output.item(await api.get(path('settings')));
    },
  });

  const update = apiCommand(world, {
    description: 'Change settings; what is not given stays',
    args: {
      ...optionArgs(FIELDS),
      rate: {
        type: 'string',
        description: "One unit of a currency in the network's, may be repeated; without a rate: take it away",
        valueHint: 'EUR=1.08',
      },
      ...DOCUMENT_ARGS,
    },
    async run({ api, output, repeated }, args) {
      let patch = await documentOf(FIELDS, args, world);
      const rates = patchOfPairs('rate', repeated);
      if (Object.keys(rates).length > 0) patch = { ...patch, exchange_rates: rates };
      if (Object.keys(patch).length === 0) throw new UsageError('nothing to change: give options, --data or --file');
      output.item(await api.send('PATCH', path('settings'), patch));
    },
  });

  return { description: "The network's settings", alone: 'show', commands: { show, update } };
}
