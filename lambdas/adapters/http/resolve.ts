import { Resolver } from 'node:dns/promises';

/** Resolves a name to all addresses that may be tried; rejects if there is none. The signal ends what is under way. */
export type Resolve = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/**
 * Asks name servers by c-ares, not by the system's resolver: that one has four threads for the whole process, so that
 * one slow name server would block the calls to all publishers. It knows no hosts file, and no search domains.
 *
 * @param servers - `address:port` of each; the system's own if there are none
 */
export function createResolve(servers: readonly string[] = []): Resolve {
  return async (name, signal) => {
    // What local names mean is not up to a name server.
    if (name === 'localhost') return ['127.0.0.1', '::1'];
    // 2.4 s with one server, as on Lambda: before the connect timeout, so that it is known what was slow.
    const resolver = new Resolver({ timeout: 800, tries: 2 });
    if (servers.length > 0) resolver.setServers(servers);
    signal.addEventListener('abort', () => resolver.cancel());
    try {
      return await resolver.resolve4(name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENODATA') throw error;
      // Only then: functions outside of a network of one's own have no IPv6, and some name servers never answer this.
      return resolver.resolve6(name);
    }
  };
}
