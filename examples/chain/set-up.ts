import type { Api } from './api.ts';
import { ADVERTISER_OF, CAMPAIGN, PUBLISHER_OF } from './members.ts';
import type { Member } from './members.ts';

/** What setting up needs to know of a network. */
interface Place {
  /** Base URL of the tracking API. */
  readonly url: string;
  readonly api: Api;
}

interface Terms {
  readonly destination: string;
  readonly revenue: object;
  readonly payout: object;
  /** Where the publisher hears of conversions; null: nowhere, it is the network's own site. */
  readonly notify: string | null;
}

/**
 * Makes each network's advertiser, publisher, campaign and postback, or brings those that exist up to date.
 *
 * The shop pays abc a fixed 10.00 a sale, abc pays 123 8.00, 123 pays Tia 6.00. Each network tells the next one down
 * what it pays, and all of that is the next one's revenue: the margins follow, and nobody sees more than his own part.
 *
 * @param tokens - of each network: the token with which its advertiser reports conversions
 */
export async function setUp(
  places: Readonly<Record<Member, Place>>,
  shopUrl: string,
  tokens: Readonly<Record<Member, string>>,
): Promise<void> {
  const trackingLink = (of: Member) => {
    // The landing page of one network's campaign is the tracking link of the next: our click ID becomes its p1.
    return `${places[of].url}/click?campaign_id=${CAMPAIGN}&pub_id=${PUBLISHER_OF[of]}&p1={click_id}&source={source}`;
  };
  const postback = (to: Member) =>
    // The p1 that came with the click goes back to the network that issued it, as its click ID.
    `${places[to].url}/postback/${ADVERTISER_OF[to]}?click_id={p1}&security_token=${tokens[to]}` +
    '&goal={goal}&txn_id={txn_id}&sale_amount={payout}&currency={currency}&sub1={source}';
  const reported = { model: 'percent', percent: '100' };
  const fixed = (amount: string) => ({ model: 'fixed', amount });

  const terms: Record<Member, Terms> = {
    tia: { destination: trackingLink('123'), revenue: reported, payout: { model: 'none' }, notify: null },
    '123': { destination: trackingLink('abc'), revenue: reported, payout: fixed('6.00'), notify: postback('tia') },
    abc: {
      destination: `${shopUrl}/?cid={click_id}`,
      revenue: fixed('10.00'),
      payout: fixed('8.00'),
      notify: postback('123'),
    },
  };
  await Promise.all([
    setUpNetwork(places.tia.api, 'tia', terms.tia, tokens.tia),
    setUpNetwork(places['123'].api, '123', terms['123'], tokens['123']),
    setUpNetwork(places.abc.api, 'abc', terms.abc, tokens.abc),
  ]);
}

async function setUpNetwork(api: Api, of: Member, terms: Terms, token: string): Promise<void> {
  const advertiser = ADVERTISER_OF[of];
  const publisher = PUBLISHER_OF[of];
  await api.ensure('advertisers', advertiser, { name: `Advertiser ${advertiser}` }, { security_token: token });
  await api.ensure('publishers', publisher, { name: `Publisher ${publisher}` });
  await api.ensure('campaigns', CAMPAIGN, {
    name: 'Summer sale',
    advertiser_id: advertiser,
    destination_url: terms.destination,
    goals: [{ id: 'sale', name: 'Sale', default: true, payout: terms.payout, revenue: terms.revenue }],
  });
  if (terms.notify === null) return;
  await api.ensure('postbacks', publisher, { publisher_id: publisher, url: terms.notify });
}
