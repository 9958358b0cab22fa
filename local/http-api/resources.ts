import { StartError } from '../errors.ts';
import type { Properties } from '../json.ts';
import { functionByArn } from '../lambda-host/resources.ts';
import type { ApiParts, ResourceHandler, World } from '../world.ts';
import type { Cors } from './cors.ts';
import type { ApiDefinition, Integration, Throttle } from './http-api.ts';
import type { Route } from './routes.ts';

const api: ResourceHandler = {
  type: 'AWS::ApiGatewayV2::Api',
  provision: async ({ logicalId, properties }, world) => {
    if (properties.optionalString('ProtocolType') !== 'HTTP' || properties.has('Body')) {
      throw new StartError(`${logicalId}: the local run knows HTTP APIs only, made of routes and integrations`);
    }
    const listening = await world.apiFor(logicalId);
    const apiId = logicalId.toLowerCase();
    world.apis.set(apiId, { api: listening, properties, integrations: new Map(), routes: [], stages: [] });
    return { ref: apiId, attributes: { ApiId: apiId, ApiEndpoint: listening.url } };
  },
};

const integration: ResourceHandler = {
  type: 'AWS::ApiGatewayV2::Integration',
  provision: ({ logicalId, properties }, world) => {
    if (properties.string('IntegrationType') !== 'AWS_PROXY' || properties.string('PayloadFormatVersion') !== '2.0') {
      throw new StartError(`${logicalId}: the local run knows Lambda integrations of payload format 2.0 only`);
    }
    partsOf(properties, world).integrations.set(logicalId, properties);
    return { ref: logicalId };
  },
};

const route: ResourceHandler = {
  type: 'AWS::ApiGatewayV2::Route',
  provision: ({ logicalId, properties }, world) => {
    if ((properties.optionalString('AuthorizationType') ?? 'NONE') !== 'NONE') {
      throw new StartError(`${logicalId}: the local run knows no authorizers`);
    }
    partsOf(properties, world).routes.push(properties);
    return { ref: logicalId };
  },
};

const stage: ResourceHandler = {
  type: 'AWS::ApiGatewayV2::Stage',
  provision: ({ logicalId, properties }, world) => {
    const name = properties.string('StageName');
    if (name !== '$default') throw new StartError(`${logicalId}: the local run knows the stage $default only`);
    partsOf(properties, world).stages.push(properties);
    return { ref: name };
  },
};

export const httpApiHandlers: readonly ResourceHandler[] = [api, integration, route, stage];

/** Puts the resources of an API together. */
export function deployApi(apiId: string, parts: ApiParts, world: World): void {
  const [stage] = parts.stages;
  if (stage === undefined) throw new StartError(`${parts.properties.where}: the API has no stage`);
  const definition: ApiDefinition = {
    apiId,
    accountId: world.accountId,
    stage: stage.string('StageName'),
    routes: parts.routes.map((properties) => toRoute(properties, parts, world)),
    cors: corsOf(parts.properties.optionalObject('CorsConfiguration')),
    throttle: throttleOf(stage.optionalObject('DefaultRouteSettings')),
    routeThrottles: routeThrottlesOf(stage.optionalObject('RouteSettings')),
  };
  parts.api.deploy(definition);
}

function partsOf(properties: Properties, world: World): ApiParts {
  const id = properties.string('ApiId');
  const parts = world.apis.get(id);
  if (parts === undefined) throw new StartError(`${properties.where}: there is no API ${id}`);
  return parts;
}

function toRoute(properties: Properties, parts: ApiParts, world: World): Route<Integration> {
  const target = properties.string('Target').replace('integrations/', '');
  const integration = parts.integrations.get(target);
  if (integration === undefined) throw new StartError(`${properties.where}: there is no integration ${target}`);
  return {
    key: properties.string('RouteKey'),
    target: {
      lambda: functionByArn(integration.string('IntegrationUri'), world, integration.where),
      timeoutMs: integration.number('TimeoutInMillis', 30_000),
    },
  };
}

function corsOf(properties: Properties | undefined): Cors | undefined {
  if (properties === undefined) return undefined;
  return {
    allowOrigins: properties.strings('AllowOrigins'),
    allowMethods: properties.strings('AllowMethods'),
    allowHeaders: properties.strings('AllowHeaders'),
    exposeHeaders: properties.strings('ExposeHeaders'),
    allowCredentials: properties.boolean('AllowCredentials', false),
    maxAge: properties.optionalNumber('MaxAge'),
  };
}

function throttleOf(settings: Properties | undefined): Throttle | undefined {
  const rate = settings?.optionalNumber('ThrottlingRateLimit');
  const burst = settings?.optionalNumber('ThrottlingBurstLimit');
  return rate === undefined || burst === undefined ? undefined : { rate, burst };
}

function routeThrottlesOf(settings: Properties | undefined): Map<string, Throttle> {
  const throttles = new Map<string, Throttle>();
  for (const key of Object.keys(settings?.values ?? {})) {
    const throttle = throttleOf(settings?.optionalObject(key));
    if (throttle !== undefined) throttles.set(key, throttle);
  }
  return throttles;
}
