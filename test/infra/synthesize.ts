import { readFileSync } from 'node:fs';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { FlowbackStack } from '../../lib/flowback-stack.ts';
import type { StageOptions } from '../../lib/stage-config.ts';
import { resolveStageConfig } from '../../lib/stage-config.ts';

const CDK_JSON = new URL('../../cdk.json', import.meta.url);

interface CdkJson {
  readonly context: Readonly<Record<string, unknown>>;
}

/** The feature flags that a deployment has, and no bundling. */
export const deployedContext = (): Record<string, unknown> => ({
  ...(JSON.parse(readFileSync(CDK_JSON, 'utf8')) as CdkJson).context,
  'aws:cdk:bundling-stacks': [],
});

/** An app as deployments have it, but fast: no bundles, and templates are validated in one test instead of in all. */
const testApp = (): App => {
  process.env['CDK_VALIDATION'] = 'false';
  return new App({ analyticsReporting: false, context: deployedContext() });
};

/** The template of a stack that holds nothing but what `build` puts into it. */
export const templateOf = (build: (stack: Stack) => void): Template => {
  const stack = new Stack(testApp(), 'Test');
  build(stack);
  return Template.fromStack(stack);
};

/** The template of the whole stack. */
export const stackTemplate = (options: StageOptions = {}): Template =>
  Template.fromStack(new FlowbackStack(testApp(), 'Flowback', { config: resolveStageConfig(options) }));

interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** Resources of one type by logical id. */
export const resourcesOf = (template: Template, type: string): Readonly<Record<string, Resource>> =>
  template.findResources(type) as Record<string, Resource>;
