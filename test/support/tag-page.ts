import { createContext, runInContext } from 'node:vm';
import { bundleTag } from '../../lib/tag-code.ts';

export const TAG = bundleTag();
const SUFFIXES = new Set(['example', 'uk', 'co.uk']);

/** What one browser keeps from page to page. */
export class Browser {
  now = Date.parse('2026-11-01T12:00:00Z');
  readonly storages = new Map<string, Map<string, string>>();
  readonly #cookies = new Map<string, { readonly domain: string; readonly text: string }>();
  /** Every `document.cookie = ...` that it accepted. */
  readonly accepted: string[] = [];

  storageOf(origin: string): Map<string, string> {
    const storage = this.storages.get(origin) ?? new Map<string, string>();
    this.storages.set(origin, storage);
    return storage;
  }

  cookiesOf(host: string): string {
    const sent = [...this.#cookies.values()].filter(({ domain }) => covers(domain, host));
    return sent.map(({ text }) => text).join('; ');
  }

  setCookie(host: string, header: string): void {
    const [text = '', ...attributes] = header.split('; ');
    const domain = attributes.find((attribute) => attribute.startsWith('Domain='))?.slice('Domain='.length) ?? host;
    if (!covers(domain, host) || (SUFFIXES.has(domain) && domain !== host)) return;
    this.accepted.push(header);
    this.#cookies.set(`${domain} ${text.split('=', 1)[0]}`, { domain, text });
  }
}

function covers(domain: string, host: string): boolean {
  return domain === host || (host.endsWith(`.${domain}`) && !/^[\d.]+$/.test(host));
}

/** What `fetch` comes to: an answer of the network, one of somebody else, or none. */
export type Answer = { readonly status: number; readonly body: string } | 'no network';

export const json = (status: number, code: string): Answer => ({ status, body: JSON.stringify({ code }) });

interface PageOptions {
  readonly browser?: Browser;
  readonly url?: string;
  /** The element's attributes; null: a module's, which has none. */
  readonly script?: { readonly src?: string; readonly url?: string; readonly clickId?: string } | null;
  readonly storage?: 'allowed' | 'forbidden' | 'full';
  /** Loaded ahead, and not seen before {@link Page.show}. */
  readonly prerendered?: true;
  /** The answers in order; the last one again and again. */
  readonly answers?: readonly Answer[];
  /** Run before the tag, as a page's own script. */
  readonly before?: string;
}

interface Sent {
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
}

/** A page of a shop that has the tag: the tag's own text, in a world of its own with as much of a browser as it uses. */
export class Page {
  readonly sent: Sent[] = [];
  readonly beacons: { readonly url: string; readonly body: Readonly<Record<string, unknown>> }[] = [];
  readonly lines: string[] = [];
  readonly #browser: Browser;
  readonly #answers: Answer[];
  readonly #timers: { readonly at: number; readonly run: () => void }[] = [];
  readonly #leaving: (() => void)[] = [];
  readonly #showing: (() => void)[] = [];
  readonly #globals: Record<string, unknown>;

  constructor(options: PageOptions = {}) {
    this.#browser = options.browser ?? new Browser();
    this.#answers = [...(options.answers ?? [json(200, 'OK')])];
    this.#globals = this.#createGlobals(options);
    createContext(this.#globals);
    if (options.before !== undefined) this.run(options.before);
    this.run(TAG);
  }

  /** What a script of the page comes to. */
  run(script: string): unknown {
    return runInContext(script, this.#globals);
  }

  /** Runs `flowback('convert', ...)` and returns what the callback gets, each time that it gets something. */
  convert(conversion: string): unknown[] {
    const answers: unknown[] = [];
    this.#globals['callback'] = (answer: unknown) => answers.push(JSON.parse(JSON.stringify(answer)));
    this.run(`flowback('convert', ${conversion}, callback)`);
    delete this.#globals['callback'];
    return answers;
  }

  globals(): string[] {
    return Object.keys(this.#globals);
  }

  async pass(seconds: number): Promise<void> {
    const until = this.#browser.now + seconds * 1_000;
    await settle();
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      this.#browser.now = next.at;
      next.run();
      await settle();
    }
    this.#browser.now = until;
  }

  show(): void {
    Object.assign(Object(this.#globals['document']), { prerendering: false });
    for (const listener of this.#showing) listener();
  }

  leave(): void {
    for (const listener of this.#leaving) listener();
  }

  #createGlobals({ url = 'https://www.shop.example/', script = {}, storage = 'allowed', prerendered }: PageOptions) {
    class HTMLScriptElement {
      src = script?.src ?? (script?.url === undefined ? 'https://track.example/tag.js' : '');
      dataset = { url: script?.url, clickId: script?.clickId };
    }
    const browser = this.#browser;
    const { hostname, origin, protocol } = new URL(url);
    const kept = browser.storageOf(origin);
    const forbid = () => {
      throw new Error('SecurityError');
    };
    const globals: Record<string, unknown> = {
      HTMLScriptElement,
      URL,
      Date: { now: () => browser.now },
      location: { href: url, hostname, protocol },
      console: { log: (...texts: string[]) => this.lines.push(texts.join(' ')) },
      document: {
        currentScript: script === null ? null : new HTMLScriptElement(),
        prerendering: prerendered,
        addEventListener: (name: string, listener: () => void) => {
          if (name === 'prerenderingchange') this.#showing.push(listener);
        },
        get cookie() {
          return storage === 'forbidden' ? forbid() : browser.cookiesOf(hostname);
        },
        set cookie(header: string) {
          if (storage === 'forbidden') forbid();
          browser.setCookie(hostname, header);
        },
      },
      navigator: { sendBeacon: (to: string, body: string) => this.beacons.push({ url: to, body: parse(body) }) > 0 },
      addEventListener: (name: string, listener: () => void) => {
        if (name === 'pagehide') this.#leaving.push(listener);
      },
      setTimeout: (run: () => void, milliseconds: number) => {
        this.#timers.push({ at: browser.now + milliseconds, run });
      },
      fetch: async (to: string, { body, ...options }: { readonly body: string }) => {
        this.sent.push({ url: to, body: parse(body), options });
        const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
        if (answer === undefined || answer === 'no network') throw new TypeError('Failed to fetch');
        return { status: answer.status, text: async () => answer.body };
      },
    };
    Object.defineProperty(globals, 'localStorage', {
      enumerable: true,
      get: () =>
        storage === 'forbidden'
          ? forbid()
          : {
              getItem: (key: string) => kept.get(key) ?? null,
              setItem: (key: string, value: string) => (storage === 'full' ? forbid() : kept.set(key, value)),
            },
    });
    return Object.assign(globals, { window: globals });
  }
}

function parse(body: string): Readonly<Record<string, unknown>> {
  return JSON.parse(body) as Readonly<Record<string, unknown>>;
}

const settle = () => new Promise((resolve) => setImmediate(resolve));
