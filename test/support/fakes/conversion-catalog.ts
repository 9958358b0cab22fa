import type { CampaignTerms, Postback, Sender } from '../../../lambdas/core/entities.ts';
import type { ConversionCatalog } from '../../../lambdas/core/ports.ts';
import { FakeCatalogReader } from './catalog-reader.ts';

/** A catalog in memory with what conversions read besides. */
export class FakeConversionCatalog extends FakeCatalogReader implements ConversionCatalog {
  readonly senders = new Map<string, Sender>();
  readonly postbacks: Postback[] = [];
  /** Of each campaign, those before the present ones. */
  readonly earlierTerms = new Map<string, readonly CampaignTerms[]>();

  async sender(id: string) {
    return this.senders.get(id) ?? null;
  }

  async senderIdOfToken(hash: string) {
    const found = [...this.senders.values()].find(({ tokens }) => tokens.some((token) => token.hash === hash));
    return found?.id ?? null;
  }

  async termsAt(campaignId: string, at: number) {
    const newestFirst = (this.earlierTerms.get(campaignId) ?? []).toSorted((a, b) => b.termsSince - a.termsSince);
    return newestFirst.find(({ termsSince }) => termsSince <= at) ?? newestFirst.at(-1) ?? null;
  }

  async postbacksOf(publisherId: string) {
    return this.postbacks.filter(
      (postback) =>
        postback.status !== 'archived' && (postback.publisherId === null || postback.publisherId === publisherId),
    );
  }
}
