import { get as overHttp } from 'node:http';
import { get as overHttps } from 'node:https';

import type { Answer } from './follow.ts';

/** A request that names no browser is a robot's, and many trackers send robots elsewhere. */
const BROWSER = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'accept-language': 'en',
};
const PATIENCE_MS = 10_000;

/** Asks once over a connection of its own, as each first visit does; the body is not read. */
export function ask(url: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const get = url.protocol === 'https:' ? overHttps : overHttp;
    const options = { agent: false, headers: BROWSER, signal: AbortSignal.timeout(PATIENCE_MS) };
    get(url, options, (response) => {
      const { location } = response.headers;
      response.destroy();
      resolve({
        status: response.statusCode ?? 0,
        // Node reads headers as Latin-1, browsers take a Location for UTF-8.
        location: location === undefined ? null : Buffer.from(location, 'latin1').toString('utf8'),
      });
    }).on('error', (error: NodeJS.ErrnoException) => {
      if (error.name === 'AbortError') reject(new Error(`nothing within ${PATIENCE_MS / 1_000} s`));
      // The code says it in one word; messages of TLS are a page of OpenSSL, those of several addresses are empty.
      else reject(new Error(error.code ?? error.message));
    });
  });
}
