import { isbot } from 'isbot';
import type { Headers } from './headers.ts';

/** Whether nobody looks: a robot by its own word, or a page that another one loads unseen to leave a cookie. */
export function isRobot(headers: Headers): boolean {
  return isEmbedded(headers) || isRobotAgent(headers['user-agent'] ?? '');
}

/** By the user agent alone. An empty one is a robot's. */
export function isRobotAgent(userAgent: string): boolean {
  return userAgent === '' || isbot(userAgent);
}

/** Loaded into a page (frame, image, script, fetch) without a tap or click of the visitor. Old browsers do not say. */
function isEmbedded(headers: Headers): boolean {
  const destination = headers['sec-fetch-dest'];
  return destination !== undefined && destination !== 'document' && headers['sec-fetch-user'] !== '?1';
}
