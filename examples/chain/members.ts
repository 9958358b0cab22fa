/** The networks of the chain, in the order of the click; the conversion comes back the other way. */
export const MEMBERS = ['tia', '123', 'abc'] as const;
export type Member = (typeof MEMBERS)[number];

/** Who sends clicks to each network. Tia has a network of her own: what sends her clicks is her site. */
export const PUBLISHER_OF: Readonly<Record<Member, string>> = { tia: 'site', '123': 'tia', abc: '123' };

/** Who pays each network, and reports conversions to it under this sender id. */
export const ADVERTISER_OF: Readonly<Record<Member, string>> = { tia: '123', '123': 'abc', abc: 'xyz' };

/** The same id in every network, so that the links read alike. */
export const CAMPAIGN = 'summer';
