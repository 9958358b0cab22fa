import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { FlowbackStack } from '../lib/flowback-stack.ts';
import type { StageOptions } from '../lib/stage-config.ts';
import { resolveStageConfig, STAGE_OPTION_NAMES } from '../lib/stage-config.ts';

// Usage is nobody's business but the operator's.
const app = new App({ analyticsReporting: false });
// Together with the CDK's own validation, for which this is the switch: the local run has no second to spare.
if (process.env['CDK_VALIDATION'] !== 'false') Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

const options: StageOptions = Object.fromEntries(
  STAGE_OPTION_NAMES.flatMap((name): [string, string][] => {
    // `-c` gives text, cdk.json may give numbers and booleans.
    const value: unknown = app.node.tryGetContext(name);
    return ['string', 'number', 'boolean'].includes(typeof value) && value !== '' ? [[name, `${value as string}`]] : [];
  }),
);
const config = resolveStageConfig(options);

const name = ['flowback', ...(config.network === 'flowback' ? [] : [config.network]), config.stage].join('-');
new FlowbackStack(app, name, {
  config,
  description: `Flowback: click and conversion tracking of network ${config.network}, stage ${config.stage}`,
  tags: { 'flowback:network': config.network, 'flowback:stage': config.stage },
});

app.synth();
