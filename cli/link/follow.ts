import { unexpandedMacros } from './macros.ts';
import { comparePassage } from './parameters.ts';
import type { Passage } from './parameters.ts';

/** What one request was answered. */
export interface Answer {
  readonly status: number;
  readonly location: string | null;
}

export interface FollowDeps {
  /** Asks once, as a browser would, and follows nothing. @throws if there is no answer */
  ask(url: URL): Promise<Answer>;
  /** Milliseconds of any clock that never goes back. */
  now(): number;
}

export interface Hop {
  readonly url: string;
  readonly host: string;
  /** Null: no answer. */
  readonly status: number | null;
  readonly ms: number;
  /** Where it sends the visitor; null: nowhere. */
  readonly location: string | null;
  readonly parameters: Passage | null;
}

type ProblemCode =
  | 'BAD_LOCATION'
  | 'DOWNGRADE'
  | 'HTTP_ERROR'
  | 'LOOP'
  | 'NO_ANSWER'
  | 'NO_LOCATION'
  | 'TOO_MANY_HOPS'
  | 'UNEXPANDED_MACRO';

export interface Problem {
  /** Number of the hop that it is about, from 1; 0: the link itself. */
  readonly hop: number;
  readonly code: ProblemCode;
  /** What is wrong, and what to do. */
  readonly message: string;
}

export interface Trail {
  readonly hops: readonly Hop[];
  /** Where the visitor ends; null: nowhere. An app's own URL (`market://`) is an end, too. */
  readonly landedAt: string | null;
  readonly problems: readonly Problem[];
}

type Fault = readonly [code: ProblemCode, message: string];

/** Browsers stop at 20, too. */
export const MOST_HOPS = 20;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Follows a link from redirect to redirect until it ends, fails, turns in a circle or has gone too far. */
export async function followLink(link: URL, deps: FollowDeps): Promise<Trail> {
  const hops: Hop[] = [];
  const problems: Problem[] = [];
  const macros = new Set<string>();
  const asked = new Set<string>();
  const report = (...faults: readonly Fault[]) =>
    problems.push(...faults.map(([code, message]) => ({ hop: hops.length, code, message })));
  /** Each macro is told once, of the first that holds it. */
  const newMacros = (url: URL) => {
    const found = unexpandedMacros(url).filter((macro) => !macros.has(macro));
    found.forEach((macro) => macros.add(macro));
    return found.join(', ');
  };

  const open = newMacros(link);
  if (open !== '')
    report(['UNEXPANDED_MACRO', `The link holds ${open}: put real values there, as the publisher does.`]);

  for (let url = link; ;) {
    asked.add(withoutFragment(url));
    const begun = deps.now();
    const answer = await deps
      .ask(url)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)));
    const ms = Math.round(deps.now() - begun);

    const next = typeof answer === 'string' ? noAnswer(url, answer) : destinationOf(answer, url);
    const status = typeof answer === 'string' ? null : answer.status;
    if (!(next instanceof URL)) {
      hops.push({ url: url.href, host: url.host, status, ms, location: null, parameters: null });
      if (next !== 'landed') report(next);
      return { hops, landedAt: next === 'landed' ? url.href : null, problems };
    }

    hops.push({
      url: url.href,
      host: url.host,
      status,
      ms,
      location: next.href,
      parameters: comparePassage(url, next),
    });
    const sent = newMacros(next);
    if (sent !== '') {
      report([
        'UNEXPANDED_MACRO',
        `It sends ${sent} on as it stands: no macro that it knows. Correct the URL that is set there.`,
      ]);
    }
    if (url.protocol === 'https:' && next.protocol === 'http:') {
      report([
        'DOWNGRADE',
        `It leads from https to http: all that follows can be read on the way. Use https://${next.host}.`,
      ]);
    }
    if (!isWeb(next)) return { hops, landedAt: next.href, problems };
    const endless = asked.has(withoutFragment(next)) ? LOOP : hops.length === MOST_HOPS ? TOO_MANY_HOPS : null;
    if (endless !== null) {
      report(endless);
      return { hops, landedAt: null, problems };
    }
    url = next;
  }
}

const LOOP: Fault = [
  'LOOP',
  'It sends the visitor back to a URL of this trail: nobody ever lands. Correct the destination that is set there.',
];
const TOO_MANY_HOPS: Fault = [
  'TOO_MANY_HOPS',
  `No end after ${MOST_HOPS} redirects, where browsers give up. Look for a circle among the hosts.`,
];

function noAnswer({ host }: URL, why: string): Fault {
  return ['NO_ANSWER', `No answer (${why}). Check the name, the port and the certificate of ${host}.`];
}

/** Where an answer sends the visitor. */
function destinationOf({ status, location }: Answer, url: URL): URL | Fault | 'landed' {
  if (status >= 200 && status < 300) return 'landed';
  if (!REDIRECTS.has(status)) {
    return ['HTTP_ERROR', `It answers ${status}: a visitor sees an error. Ask whoever runs ${url.host}.`];
  }
  if (location === null || location === '') {
    return ['NO_LOCATION', `It answers ${status} without a Location: the visitor stays on an empty page.`];
  }
  return URL.canParse(location, url.href)
    ? new URL(location, url)
    : ['BAD_LOCATION', `Its Location is no URL (${location}). Correct the destination that is set there.`];
}

/** Whether it can be asked over HTTP. */
export function isWeb(url: URL): boolean {
  return url.protocol === 'http:' || url.protocol === 'https:';
}

function withoutFragment(url: URL): string {
  return url.href.replace(/#.*$/, '');
}
