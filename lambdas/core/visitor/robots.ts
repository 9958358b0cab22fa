import { list } from 'isbot';
import type { Headers } from './headers.ts';

/** What isbot is silent about, in lower case. */
const MORE_ROBOTS = [
  // Nothing behind it: no browser since Internet Explorer and Konqueror. Office does so before it opens a link.
  '^mozilla/\\d\\.\\d \\(compatible; (?!msie|konqueror)[^)]*\\)$',
  '^microsoft office/',
  '^viber',
  'skypespaces',
  'powershell/',
  'barracuda',
  'mimecast',
  'proofpoint',
];

/**
 * Everything in lower case: without the flag `i` the pattern is compiled in half the time. Compiled by its first two
 * uses, which take a millisecond or more each: let them happen during init.
 */
const ROBOTS = new RegExp([...list, ...MORE_ROBOTS].join('|'));

/** Names of apps and browsers with people in front that isbot takes for robots: news readers, Sogou's browsers, Grab, TVs. */
const PEOPLE = /news\w*|sogou(?:mse|search|mobilebrowser)|urllauncher\d*| grab\//g;

/** What stands further behind is nobody's name; bounds the work on a hostile header. */
const LENGTH = 1_024;

/** Whether nobody looks: a robot by its own word, or a page that another one loads unseen to leave a cookie. */
export function isRobot(headers: Headers): boolean {
  return isEmbedded(headers) || isRobotAgent(headers['user-agent'] ?? '');
}

/** By the user agent alone. None at all is a robot's. */
export function isRobotAgent(userAgent: string): boolean {
  const text = userAgent.slice(0, LENGTH).toLowerCase();
  return text.trim() === '' || (ROBOTS.test(text) && ROBOTS.test(text.replace(PEOPLE, 'app')));
}

/** Loaded into a page (frame, image, script, fetch) without a tap or click of the visitor. Old browsers do not say. */
function isEmbedded(headers: Headers): boolean {
  const destination = headers['sec-fetch-dest'];
  return destination !== undefined && destination !== 'document' && headers['sec-fetch-user'] !== '?1';
}
