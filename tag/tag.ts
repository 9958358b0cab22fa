/**
 * The tag: remembers by which click a visitor came to a shop, and reports what the visitor buys there.
 *
 *     <script async src="https://track.example/tag.js"></script>
 *
 *     flowback('convert', { goal: 'sale', txn_id: 'ORDER-1', sale_amount: '49.90', currency: 'USD' });
 *
 * It is a guest on other people's pages: it needs nothing, adds nothing to the page but `window.flowback`, and whatever
 * fails in it or is forbidden by the browser stays in it. On a page whose address has `?flowback_debug`, the console
 * tells what it does. How shops use it stands in docs/integration/tag.md.
 */

type Conversion = Readonly<Record<string, unknown>>;
type Callback = (answer: unknown) => void;
type Call =
  /** Sets the click ID by hand, where no page's address carries it. */
  | readonly [command: 'click', clickId: string]
  /** Reports a conversion. The callback is called once, with the network's answer or with NO_ANSWER. */
  | readonly [command: 'convert', conversion?: Conversion, callback?: Callback];

interface Flowback {
  (...call: Call): void;
  /** What was called before the tag was there, by the stub that a page may have in its place. */
  readonly q?: Iterable<Call>;
  readonly loaded?: true;
}

declare global {
  interface Window {
    flowback?: Flowback;
  }
  interface Document {
    readonly prerendering?: boolean;
  }
}

/** What the cookie and the storage are called; the value is `<click ID>.<milliseconds>`. */
const CLICK = 'flowback';
const CLICK_ID = /^[a-z2-7]{32}$/i;
const KEPT_CLICK = /^(?:flowback=)?([a-z2-7]{32})\.(\d+)$/i;
const CLICK_SECONDS = 90 * 86_400;

/** A JSON object: bodies that wait for a final answer, and when they were first sent. */
const PENDING = 'flowback.pending';
const PENDING_MS = 7 * 86_400_000;
const PENDING_LIMIT = 20;

const RETRY_SECONDS = [1, 5, 30];
const NO_ANSWER = {
  result: 'retry',
  code: 'TEMPORARILY_UNAVAILABLE',
  message: 'No answer yet; the conversion is kept and sent again from the next page',
};

const debug = /[?&#]flowback_debug\b/.test(location.href);
const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : undefined;
const address = attempt(() => new URL('/tag/convert', (script && (script.dataset.url || script.src)) || '').href) || '';

/** Where a browser forbids storage, the click lives as long as the page. */
let clickOfPage = '';
/** Bodies of this page that have no final answer. */
const unanswered = new Set<string>();

function say(text: string): void {
  if (debug) console.log(`[flowback] ${text}`);
}

/** Storage may be forbidden or full, a beacon refused, and what the page passes in may be anything. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    say(String(error));
    return undefined;
  }
}

/** A browser may load a page ahead that nobody ever sees. */
function onceSeen(action: () => unknown): void {
  if (document.prerendering) document.addEventListener('prerenderingchange', () => attempt(action));
  else attempt(action);
}

function keepClick(clickId: string): boolean {
  const valid = CLICK_ID.test(clickId);
  say(valid ? `keeps the click ${clickId}` : `"${clickId}" is no click ID`);
  if (!valid) return false;
  clickOfPage = `${clickId}.${Date.now()}`;
  attempt(() => localStorage.setItem(CLICK, clickOfPage));
  attempt(() => setCookie(clickOfPage));
  return true;
}

/** On the highest domain that the browser accepts: who lands on www.shop.example may pay on pay.shop.example. */
function setCookie(value: string): void {
  const labels = location.hostname.split('.');
  const secure = location.protocol === 'https:' ? '; Secure' : '';
  for (let index = labels.length - 1; index >= 0 && !document.cookie.includes(value); index--) {
    const domain = labels.slice(index).join('.');
    document.cookie = `${CLICK}=${value}; Domain=${domain}; Path=/; Max-Age=${CLICK_SECONDS}; SameSite=Lax${secure}`;
  }
}

/** Page, storage and cookies may each know another click, because they are those of page, origin and shop. */
function newestClick(): string | undefined {
  const kept = [clickOfPage, attempt(() => localStorage.getItem(CLICK)), attempt(() => document.cookie)];
  let newest: string | undefined;
  let since = Date.now() - CLICK_SECONDS * 1000;
  for (const text of kept.join('; ').split('; ')) {
    const [, clickId, at] = KEPT_CLICK.exec(text) || [];
    if (Number(at) > since) {
      newest = clickId;
      since = Number(at);
    }
  }
  return newest;
}

function pending(): [body: string, at: unknown][] {
  const kept = attempt((): unknown => JSON.parse(localStorage.getItem(PENDING) || '{}'));
  return Object.entries<unknown>({ ...(kept || {}) }).filter(([, at]) => Date.now() - Number(at) < PENDING_MS);
}

/** Changes what the next page finds. Read anew each time: other tabs of the browser change it, too. */
function setPending(body: string, waits: boolean): void {
  const all = pending().filter(([other]) => other !== body);
  if (waits) all.push([body, Date.now()]);
  attempt(() => localStorage.setItem(PENDING, JSON.stringify(Object.fromEntries(all.slice(-PENDING_LIMIT)))));
}

/** Numbers become text, because the network takes no JSON number for an amount. */
function convert(given?: Conversion, callback?: Callback): void {
  const conversion: Record<string, unknown> = { ...given };
  conversion.click_id = conversion.click_id || newestClick();
  const body = JSON.stringify(conversion, (_, value: unknown) =>
    typeof value === 'number' || typeof value === 'bigint' ? String(value) : value,
  );
  setPending(body, true);
  void report(body, callback);
}

/** Sends until there is a final answer. Repeats do no harm: the network knows a conversion that it has. */
async function report(body: string, callback?: Callback): Promise<void> {
  unanswered.add(body);
  let answer = await send(body);
  for (const seconds of RETRY_SECONDS) {
    if (answer) break;
    say(`tries again in ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    answer = await send(body);
  }
  if (answer) {
    unanswered.delete(body);
    setPending(body, false);
  }
  attempt(() => callback && callback(answer || NO_ANSWER));
}

/** The network's answer, unless it may be another one later. What is not JSON is not the network's. */
async function send(body: string): Promise<unknown> {
  say(`sends ${body}`);
  try {
    // As text, which the browser sends to another origin without asking there first.
    const response = await fetch(address, { method: 'POST', body, credentials: 'omit', keepalive: true });
    const text = await response.text();
    say(`is answered ${response.status} ${text}`);
    return response.status === 429 || response.status >= 500 ? undefined : JSON.parse(text);
  } catch (error) {
    say(String(error));
    return undefined;
  }
}

/** A page that is left takes its requests with it, but not its beacons. */
function sendBeacons(): void {
  for (const body of unanswered) attempt(() => say(`sends a beacon: ${navigator.sendBeacon(address, body)} ${body}`));
}

function start(): void {
  const queue = (window.flowback && window.flowback.q) || [];
  const flowback: Flowback = (...call) => {
    onceSeen(() => {
      const [command] = call;
      if (call[0] === 'click') keepClick(call[1]);
      else if (call[0] === 'convert') convert(call[1], call[2]);
      else say(`knows no "${command}"`);
    });
  };
  window.flowback = Object.assign(flowback, { loaded: true as const });
  addEventListener('pagehide', sendBeacons);

  const parameter = `${(script && script.dataset.clickId) || 'click_id'}=`;
  const parameters = location.href.split(/[?&#]/).filter((text) => text.startsWith(parameter));
  onceSeen(() => parameters.some((text) => keepClick(text.slice(parameter.length))));
  for (const call of queue) attempt(() => flowback(...call));
  for (const [body] of pending()) if (!unanswered.has(body)) void report(body);
}

if (!address) say("knows no network: its script element needs src or data-url, and must not be a module's");
else if (!(window.flowback && window.flowback.loaded)) attempt(start);
