import type { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Stack, Validations } from 'aws-cdk-lib';
import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import { DomainName, HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { ICertificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface FlowbackApiProps {
  readonly description: string;
  /** Requests a second over time, all routes together. */
  readonly rateLimit: number;
  /** Requests at once. */
  readonly burstLimit: number;
  readonly accessLog: boolean;
  /** Of the access log. */
  readonly logRetention: RetentionDays;
  /** Of the access log. */
  readonly removalPolicy: RemovalPolicy;
  /** Why no route has an authorizer. */
  readonly whyOpen: string;
  /** With `certificate`. @default - the API's own execute-api address */
  readonly domainName?: string;
  /** @default - none */
  readonly certificate?: ICertificate;
}

// Neither address nor user agent: nothing personal is kept that is not needed. The path has no secret, the query may.
const ACCESS_LOG_FORMAT = JSON.stringify({
  request_id: '$context.requestId',
  at: '$context.requestTimeEpoch',
  method: '$context.httpMethod',
  path: '$context.path',
  route: '$context.routeKey',
  status: '$context.status',
  latency_ms: '$context.responseLatency',
  integration_latency_ms: '$context.integrationLatency',
  integration_error: '$context.integrationErrorMessage',
  bytes: '$context.responseLength',
});

/** The house HTTP API: an explicit stage with a throttle, an access log, an optional domain. */
export class FlowbackApi extends Construct {
  readonly api: HttpApi;
  readonly stage: HttpStage;
  /** Public base URL without a trailing slash. */
  readonly url: string;
  readonly #whyOpen: string;

  constructor(scope: Construct, id: string, props: FlowbackApiProps) {
    super(scope, id);
    this.#whyOpen = props.whyOpen;

    const domain =
      props.domainName === undefined || props.certificate === undefined
        ? undefined
        : new DomainName(this, 'Domain', { domainName: props.domainName, certificate: props.certificate });

    this.api = new HttpApi(this, 'Api', {
      // Only shown; all APIs of an account stand in one list.
      apiName: `${Stack.of(this).stackName}-${id}`,
      description: props.description,
      createDefaultStage: false,
      // One address only: own hosts are refused as postback targets, and a second one would slip through.
      disableExecuteApiEndpoint: domain !== undefined,
    });

    const accessLog = props.accessLog
      ? new LogGroup(this, 'AccessLog', { retention: props.logRetention, removalPolicy: props.removalPolicy })
      : undefined;

    this.stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: props.rateLimit, burstLimit: props.burstLimit },
      accessLogSettings: accessLog && {
        destination: new LogGroupLogDestination(accessLog),
        format: AccessLogFormat.custom(ACCESS_LOG_FORMAT),
      },
      domainMapping: domain && { domainName: domain },
    });
    if (accessLog === undefined) {
      Validations.of(this.stage).acknowledge({
        id: 'AwsSolutions-APIG1',
        reason:
          'Switched off by configuration: a line for each click costs more than it tells, the click is the record.',
      });
    }

    this.url = props.domainName === undefined ? this.api.apiEndpoint : `https://${props.domainName}`;
  }

  /** Sends every method of these paths to one function: what a method means is the function's to say. */
  route(id: string, handler: IFunction, paths: readonly string[], timeout?: Duration): void {
    const integration = new HttpLambdaIntegration(id, handler, {
      // One permission a route overflows the function's policy at some thirty routes.
      scopePermissionToRoute: false,
      timeout,
    });
    for (const path of paths) {
      for (const route of this.api.addRoutes({ path, methods: [HttpMethod.ANY], integration })) {
        Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason: this.#whyOpen });
      }
    }
  }
}
