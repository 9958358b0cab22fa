import { defineCommand } from 'citty';

import { createApi } from '../api.ts';
import type { Command } from '../command.ts';
import { connect, missingOfConnection } from '../init/connect.ts';
import type { Target } from '../init/connect.ts';
import { AMOUNT, answersTo, checkGiven, CURRENCY, ID, missingOptions, WEB_URL } from '../init/questions.ts';
import type { Question } from '../init/questions.ts';
import { setUp } from '../init/set-up.ts';
import type { Plan, SetUp } from '../init/set-up.ts';
import { createOutput, FORMAT_ARGS } from '../output.ts';
import { readProfiles, writeProfiles } from '../profiles.ts';
import { Failure, UsageError } from '../terminal.ts';
import { printable } from '../text.ts';
import type { World } from '../world.ts';

const ARGS = {
  'api-url': { type: 'string', description: 'Base URL of the management API; else FLOWBACK_API_URL', valueHint: 'URL' },
  advertiser: { type: 'string', description: 'ID of who pays for conversions', valueHint: 'ID' },
  publisher: { type: 'string', description: 'ID of who sends clicks', valueHint: 'ID' },
  campaign: { type: 'string', description: 'ID of what the advertiser offers', valueHint: 'ID' },
  destination: { type: 'string', description: 'Landing page, with {click_id} where it goes', valueHint: 'URL' },
  payout: { type: 'string', description: 'What a sale pays the publisher, as 2.50', valueHint: 'AMOUNT' },
  revenue: { type: 'string', description: 'What a sale costs the advertiser, as 4.00', valueHint: 'AMOUNT' },
  currency: { type: 'string', description: "Of both; the network's own unless given", valueHint: 'CODE' },
  'postback-url': { type: 'string', description: 'Where to tell the publisher, with macros as {p1}', valueHint: 'URL' },
  'security-token': { type: 'string', description: 'Of the advertiser; one is made unless given', valueHint: 'TOKEN' },
  profile: { type: 'string', description: 'Under which name to keep URL and key here', valueHint: 'NAME' },
  json: FORMAT_ARGS.json,
} as const;

/** Guided set-up of a first advertiser, publisher, campaign and link. What exists is used: it can be run again. */
export function init(world: World): Command {
  const { terminal } = world;
  return defineCommand({
    meta: {
      description: 'Set up a first advertiser, publisher, campaign and tracking link; asks for what is not given',
    },
    args: ARGS,
    async run({ args }) {
      const output = createOutput(args.json === true ? 'json' : 'text', terminal);
      const profiles = await readProfiles(world);
      checkGiven(questions(''), args);
      const missing = missingOptions(questions(''), args);
      if (terminal.ask === null) refuse([...missingOfConnection(args, profiles, world), ...missing]);
      const target = await connect(args, profiles, world);
      const answers = await answersTo(questions(target.currency), args, terminal);
      const plan: Plan = {
        ...answers,
        postbackUrl: answers['postback-url'],
        securityToken: args['security-token'],
      };
      output.note(printableLines(planText(plan, target)));
      if (missing.length > 0 && output.format === 'text') await confirm(world);
      // First of all, so that a run that fails need not ask for the key again.
      const { apiUrl, key, profile } = target;
      await writeProfiles({ current: profile, profiles: { ...profiles.profiles, [profile]: { apiUrl, key } } }, world);
      const made = await setUp(plan, createApi(target, world), (text) => output.note(text));
      output.item({ profile, api_url: apiUrl, ...made }, printableLines(resultText(made)));
    },
  });
}

/** Where nobody can be asked, all that is missing is told at once. */
function refuse(missing: readonly string[]): void {
  if (missing.length > 0) throw new UsageError(`nobody is here to be asked: give ${missing.join(', ')}`);
}

async function confirm({ terminal }: World): Promise<void> {
  const answer = await terminal.ask?.('Create this? [yes]');
  if (!/^(y|yes)?$/i.test(answer ?? '')) throw new Failure('nothing was created');
}

/** In the order in which they are asked. */
function questions(currency: string) {
  return [
    { option: 'advertiser', text: 'Advertiser, who pays for conversions: an ID', form: ID, suggestion: 'advertiser-1' },
    { option: 'publisher', text: 'Publisher, who sends clicks: an ID', form: ID, suggestion: 'publisher-1' },
    { option: 'campaign', text: 'Campaign, what the advertiser offers: an ID', form: ID, suggestion: 'campaign-1' },
    { option: 'destination', text: 'Its landing page, as https://shop.example/?cid={click_id}', form: WEB_URL },
    { option: 'currency', text: 'Its currency', form: CURRENCY, suggestion: currency, optional: true },
    { option: 'payout', text: 'What a sale pays the publisher', form: AMOUNT, suggestion: '1.00' },
    { option: 'revenue', text: 'What a sale costs the advertiser', form: AMOUNT, suggestion: '2.00' },
    {
      option: 'postback-url',
      text: 'Where the publisher hears of its sales, as https://pub.example/?cid={p1}&sum={payout}',
      form: WEB_URL,
      suggestion: '',
      optional: true,
    },
  ] as const satisfies readonly Question[];
}

function planText(plan: Plan, { apiUrl, profile }: Target): string[] {
  const { advertiser, publisher, campaign, destination, payout, revenue, currency, postbackUrl } = plan;
  return [
    `To be created at ${apiUrl}, unless it is there:`,
    '',
    `  publisher   ${publisher}`,
    `  advertiser  ${advertiser}`,
    `  campaign    ${campaign}, which leads to ${destination}`,
    `              a sale costs ${advertiser} ${revenue} ${currency} and pays ${publisher} ${payout} ${currency}`,
    ...(postbackUrl === '' ? [] : [`  postback    ${postbackUrl}`]),
    '',
    `URL and key are kept here as profile ${profile}.`,
    ...(destination.includes('{click_id}')
      ? []
      : ['The landing page does not hear the click ID: without {click_id} in its URL only pixels can report.']),
    '',
  ];
}

function resultText({ advertiser_id: advertiser, publisher_id: publisher, ...made }: SetUp): string[] {
  const token =
    made.security_token === null
      ? [
          'Its security token was shown when it was made. For another one:',
          `  flowback senders tokens add ${advertiser}`,
        ]
      : ['Its security token, shown only now:', `  ${made.security_token}`];
  const firstClick = made.short_url.replace('{p1}', 'first-click').replace('{source}', 'init');
  return [
    '',
    `The tracking link of ${publisher}, which puts its own values in place of {p1} and {source}:`,
    `  ${made.tracking_url}`,
    '',
    `Where ${advertiser} reports its conversions:`,
    `  ${made.postback_url}`,
    ...token,
    '',
    'Next, a first click:',
    `  flowback test link '${firstClick}'`,
  ];
}

function printableLines(lines: readonly string[]): string {
  return lines.map(printable).join('\n');
}
