import { expect } from 'vitest';
import { verifyClickId } from '../../lambdas/core/click-id.ts';
import type { Conversion } from '../../lambdas/core/conversion.ts';
import type { Campaign, Goal } from '../../lambdas/core/entities.ts';
import { newSortableId } from '../../lambdas/core/ids.ts';
import { parsePostback } from '../../lambdas/core/postback-request.ts';
import { readCall } from '../../lambdas/core/received-call.ts';
import { recordConversion } from '../../lambdas/core/record-conversion.ts';
import type { Outcome } from '../../lambdas/core/record-conversion.ts';
import type { Report } from '../../lambdas/core/report.ts';
import { hearEverything, watchConversions } from './conversion-invariants.ts';
import { aCall, aNetwork, aSender } from './conversions.ts';
import type { Network } from './conversions.ts';
import { aCampaign, aGoal } from './entities.ts';

export type Parameters = Readonly<Record<string, string>>;

/** A call and what must come of it. */
export interface Step {
  readonly call: Parameters;
  /** What the answer's body holds; `payout` as text. */
  readonly is: Readonly<Record<string, unknown>>;
  readonly warnings?: readonly string[];
}

/** A network whose one campaign has these terms, with a postback that hears of everything. */
export function aWatchedNetwork(campaign: Partial<Campaign> = {}) {
  const network = aNetwork();
  hearEverything(network);
  network.catalog.campaigns.set('summer', aCampaign(campaign));
  return { ...network, watch: watchConversions(network) };
}

export const ofGoal = (goal: Partial<Goal>): Partial<Campaign> => ({ goals: [aGoal(goal)] });

/** Calls one after the other. After each all that must hold of conversions does. */
export async function runSteps(network: ReturnType<typeof aWatchedNetwork>, steps: readonly Step[], common = {}) {
  for (const { call, is, warnings } of steps) {
    const { body } = await network.call({ ...common, ...call });
    expect(body, JSON.stringify(call)).toMatchObject({ ...is, ...(warnings !== undefined && { warnings }) });
    network.watch.expectSound();
  }
}

/** A report as it reaches core, of sender `xyz` unless said otherwise; `click_id` as in a call. */
export async function report(
  network: Network,
  parameters: Parameters,
  overrides: Partial<Report> = {},
): Promise<Outcome> {
  const { deps } = network;
  const received = readCall(aCall({ query: new URLSearchParams(parameters).toString() }));
  if (typeof received === 'string') throw new Error(received);
  const request = parsePostback(received, null);
  if ('code' in request) throw new Error(request.code);
  const click = request.clickId === null ? null : verifyClickId(request.clickId, await deps.catalog.macKeys());
  return recordConversion(
    {
      request,
      sender: aSender(),
      addressAllowed: true,
      click,
      attribution: null,
      receivedAt: deps.now(),
      conversionId: newSortableId(deps.now(), deps.random),
      by: 'sender:xyz',
      ...overrides,
    },
    deps,
  );
}

/** What a browser reports. */
export const pixel = (network: Network, parameters: Parameters): Promise<Outcome> =>
  report(network, parameters, { sender: null, by: 'pixel' });

export function onlyConversion({ store }: Network): Conversion {
  const [conversion, ...more] = store.conversions.values();
  expect(more).toEqual([]);
  if (conversion === undefined) throw new Error('no conversion');
  return conversion;
}
