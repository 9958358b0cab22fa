import { join } from 'node:path';

import { obtainAssembly } from '../../local/assembly/cache.ts';
import { CAMPAIGN, MEMBERS, PUBLISHER_OF } from './members.ts';
import type { Member } from './members.ts';
import { startNetwork } from './network.ts';
import type { Network } from './network.ts';
import { setUp } from './set-up.ts';
import { startShop } from './shop.ts';
import type { Shop } from './shop.ts';
import { loadTokens } from './tokens.ts';

/** Three networks and a shop, set up and serving. */
export interface Chain {
  readonly networks: Readonly<Record<Member, Network>>;
  readonly shop: Shop;
  /** Tia's tracking link, which her followers click. */
  readonly link: string;
  /** Resolves with a line for people if a network ends by itself. */
  readonly died: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the chain. When `signal` aborts, what has started is stopped and the call throws.
 *
 * @param port - of Tia's network, the others follow in steps of 10; 0: any free ports
 * @throws StartError, one line for people
 */
export async function startChain(port: number, data: string | undefined, signal: AbortSignal): Promise<Chain> {
  const tokens = await loadTokens(data);
  const assembly = await obtainAssembly(signal);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async () => {
    await Promise.all(started.map((part) => part.stop()));
    await assembly.dispose();
  };
  const own = <T extends { stop(): Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  const portOf = (step: number) => (port === 0 ? 0 : port + step * 10);
  // One network's failure stops the others while they still start.
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const start = async (name: Member): Promise<Network> => {
    const options = {
      name,
      port: portOf(MEMBERS.indexOf(name)),
      data: data === undefined ? undefined : join(data, name),
      assembly: assembly.directory,
    };
    return startNetwork(options, either).then(own);
  };
  try {
    const starting = [start('tia'), start('123'), start('abc')] as const;
    const settled = Promise.allSettled(starting);
    const [tia, n123, abc] = await Promise.all(starting).catch(async (error: unknown) => {
      failed.abort();
      await settled;
      throw error;
    });
    const networks = { tia, '123': n123, abc };
    const report = `${abc.url}/postback/xyz`;
    const shop = own(await startShop(portOf(3), report, tokens.abc));
    await setUp(networks, shop.url, tokens);
    signal.throwIfAborted();
    const link = `${tia.url}/click?campaign_id=${CAMPAIGN}&pub_id=${PUBLISHER_OF.tia}`;
    return { networks, shop, link, died: Promise.race([tia.died, n123.died, abc.died]), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
