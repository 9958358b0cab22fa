import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { countImpression } from '../core/impression.ts';
import { redirect } from '../core/redirect.ts';
import { isRobotAgent } from '../core/visitor/robots.ts';
import { ENV } from '../runtime/environment.ts';
import { logFailure } from '../runtime/log-failure.ts';
import { log } from '../runtime/log.ts';
import { createDeps } from './deps.ts';
import { isImpression, methodNotAllowed, pixel, routeOf, toClickRequest, toResult, unavailable } from './http.ts';

const fallbackUrl = process.env[ENV.fallbackUrl];
const deps = createDeps();

// Still during init, which has a whole core, but once everything is loaded: the first TLS connection, the keys and the
// pattern of robots, which its first two uses compile. The first click does without if this fails.
setImmediate(() => {
  deps.catalog.macKeys().catch(() => undefined);
  for (let use = 0; use < 2; use++) isRobotAgent('Mozilla/5.0 (X11)');
});

export const handler = async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> =>
  isImpression(event) ? impression(event) : click(event);

async function click(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    const outcome = await redirect(toClickRequest(event), deps);
    if (!outcome.recorded) log('not_recorded', { code: outcome.code, route: routeOf(event) });
    return toResult(outcome);
  } catch (error) {
    logFailure(error, event.requestContext.requestId);
    return unavailable(fallbackUrl);
  }
}

/** A page shows the same whatever becomes of the count. */
async function impression(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2> {
  try {
    const code = await countImpression(toClickRequest(event), deps);
    if (code !== 'OK') log('not_recorded', { code, route: routeOf(event) });
    return code === 'METHOD_NOT_ALLOWED' ? methodNotAllowed() : pixel();
  } catch (error) {
    logFailure(error, event.requestContext.requestId);
    return pixel();
  }
}
