import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLS_CERTIFICATE, TLS_KEY } from './publisher.ts';

/**
 * Which scripts a page's Content-Security-Policy lets run.
 *  - `any`: it has none.
 *  - `hosts`: files of the shop and of the network, nothing in the page; its own scripts become files.
 *  - `nonce`: those in the page and elsewhere that carry the page's nonce.
 */
export type Policy = 'any' | 'hosts' | 'nonce';

/** Shops and other sites on one port of 127.0.0.1, over HTTPS. */
interface ShopSite {
  readonly port: number;
  /** Serves a page at a URL from now on. @param body HTML of its body */
  serve(url: string, body: string, policy?: Policy): void;
  stop(): Promise<void>;
}

const NETWORK = 'https://track.example';
const INLINE_SCRIPT = /<script>(.*?)<\/script>/gs;

interface Answer {
  readonly type: string;
  readonly text: string;
  readonly policy?: string;
}

export async function startShopSite(): Promise<ShopSite> {
  const answers = new Map<string, Answer>();
  const server = createServer(
    { cert: readFileSync(TLS_CERTIFICATE), key: readFileSync(TLS_KEY) },
    ({ headers, url = '/' }, response) => {
      const answer = answers.get(`https://${headers.host ?? ''}${url}`.split('?', 1)[0] ?? '');
      // Browsers ask for the icon of every site; without one each page would log an error.
      if (answer === undefined) return void response.writeHead(url === '/favicon.ico' ? 204 : 404).end();
      response.setHeader('content-type', `${answer.type}; charset=utf-8`);
      if (answer.policy !== undefined) response.setHeader('content-security-policy', answer.policy);
      response.end(answer.text);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const servePage = (url: string, body: string, policy?: string) => {
    const text = `<!doctype html><html lang="en"><head><title>A shop</title></head><body>\n${body}\n</body></html>`;
    answers.set(url, { type: 'text/html', text, ...(policy !== undefined && { policy }) });
  };
  return {
    port: (server.address() as AddressInfo).port,
    serve(url, body, policy = 'any') {
      if (policy === 'any') return servePage(url, body);
      if (policy === 'nonce') {
        const nonce = randomBytes(16).toString('base64');
        return servePage(url, body.replaceAll('<script', `<script nonce="${nonce}"`), policyWith(`'nonce-${nonce}'`));
      }
      const html = body.replace(INLINE_SCRIPT, (_, text: string, at: number) => {
        const file = new URL(`script-${at}.js`, url).href;
        answers.set(file, { type: 'text/javascript', text });
        return `<script src="${file}"></script>`;
      });
      servePage(url, html, policyWith(`'self' ${NETWORK}`));
    },
    async stop() {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

function policyWith(scripts: string): string {
  return `default-src 'none'; script-src ${scripts}; connect-src ${NETWORK}; img-src ${NETWORK}; frame-src ${NETWORK}`;
}
