/** The partition of Catalog that keeps the terms which a campaign had before its present ones. */
export function termsPartition(campaignId: string): `campaign_terms#${string}` {
  return `campaign_terms#${campaignId}`;
}

const HIGHEST_TIME = 9_999_999_999_999;

/** Sort key of the terms that were in force since a time, in milliseconds: later ones come first. */
export function termsSortKey(since: number): string {
  return String(HIGHEST_TIME - since).padStart(13, '0');
}
