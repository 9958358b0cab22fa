import { path, Refusal } from '../api.ts';
import type { Api, Item } from '../api.ts';
import { Failure } from '../terminal.ts';
import { shown } from '../text.ts';

/** The first campaign of a network, and who takes part. */
export interface Plan {
  readonly advertiser: string;
  readonly publisher: string;
  readonly campaign: string;
  readonly destination: string;
  readonly payout: string;
  readonly revenue: string;
  readonly currency: string;
  /** '': the publisher is not told of its conversions. */
  readonly postbackUrl: string;
  /** Undefined: the API makes one. */
  readonly securityToken: string | undefined;
}

/** What was made, or was there; the fields are those that --json prints. */
export interface SetUp {
  readonly advertiser_id: string;
  readonly publisher_id: string;
  readonly campaign_id: string;
  readonly postback_id: string | null;
  /** What did not exist before. */
  readonly created: readonly string[];
  readonly tracking_url: string;
  readonly short_url: string;
  readonly postback_url: string;
  /** Null: the advertiser existed, and the API shows no token twice. */
  readonly security_token: string | null;
}

/**
 * Makes what the plan names and does not exist yet. Run again after a failure it goes on where it stopped; a token that was made
 * before the failure stands in the details of the failure, because nobody will see it again.
 */
export async function setUp(plan: Plan, api: Api, tell: (text: string) => void): Promise<SetUp> {
  const { advertiser, publisher, campaign, postbackUrl } = plan;
  const created: string[] = [];
  const make = async (kind: string, body: Item & { readonly id: string }): Promise<Item> => {
    const { item, isNew } = await findOrCreate(kind, body, api);
    if (isNew) created.push(kind);
    const standing = item['status'] === 'active' ? '' : `, ${shown(item['status'])}`;
    tell(isNew ? `Created ${kind} ${body.id}` : `There is ${kind} ${body.id} already: it is used as it is${standing}`);
    return item;
  };

  await make('publisher', { id: publisher, name: publisher });
  const made = await make('advertiser', {
    id: advertiser,
    name: advertiser,
    ...(plan.securityToken !== undefined && { security_token: plan.securityToken }),
  });
  const token = typeof made['security_token'] === 'string' ? made['security_token'] : null;
  try {
    const { advertiser_id: owner } = await make('campaign', campaignOf(plan));
    if (owner !== advertiser) throw new Failure(`campaign ${campaign} belongs to advertiser ${shown(owner)}`);
    if (postbackUrl !== '') {
      const { publisher_id: told } = await make('postback', {
        id: publisher,
        publisher_id: publisher,
        url: postbackUrl,
      });
      if (told !== publisher) {
        throw new Failure(
          `postback ${publisher} belongs to ${told === null ? 'all publishers' : `publisher ${shown(told)}`}`,
        );
      }
    }
    const link = await api.get(path('campaigns', campaign, 'link'), { pub_id: publisher });
    const trackingUrl = shown(link['tracking_url']);
    return {
      advertiser_id: advertiser,
      publisher_id: publisher,
      campaign_id: campaign,
      postback_id: postbackUrl === '' ? null : publisher,
      created,
      tracking_url: trackingUrl,
      short_url: shown(link['short_url']),
      // The API tells it with its parameters only when it makes the advertiser.
      postback_url: shown(made['postback_url'] ?? new URL(`/postback/${advertiser}`, trackingUrl).href),
      security_token: token,
    };
  } catch (error) {
    if (!(error instanceof Failure) || token === null) throw error;
    const last = `The security token of advertiser ${advertiser}, shown only now: ${token}`;
    throw new Failure(error.message, { exit: error.exit, details: [...error.details, last] });
  }
}

function campaignOf({ advertiser, campaign, destination, payout, revenue, currency }: Plan) {
  const fixed = (amount: string) => ({ model: 'fixed', amount });
  return {
    id: campaign,
    name: campaign,
    advertiser_id: advertiser,
    destination_url: destination,
    currency,
    goals: [{ id: 'sale', name: 'Sale', default: true, payout: fixed(payout), revenue: fixed(revenue) }],
  };
}

async function findOrCreate(
  kind: string,
  body: Item & { readonly id: string },
  api: Api,
): Promise<{ item: Item; isNew: boolean }> {
  try {
    return { item: await api.send('POST', path(`${kind}s`), body), isNew: true };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== 'ID_TAKEN') throw error;
    const item = await find(kind, body.id, api);
    // An advertiser's ID may be taken by a sender.
    if (item === null) throw error;
    if (item['status'] !== 'archived') return { item, isNew: false };
    throw new Failure(`${kind} ${body.id} is archived`, {
      details: [`Give another --${kind}, or: flowback ${kind}s update ${body.id} --status active`],
    });
  }
}

async function find(kind: string, id: string, api: Api): Promise<Item | null> {
  try {
    return await api.get(path(`${kind}s`, id));
  } catch (error) {
    if (error instanceof Refusal && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}
