#!/usr/bin/env node
// The one file of the command line that plain Node can run: everything else is TypeScript, which tsx loads from the checkout.
import process from 'node:process';
import { register } from 'tsx/esm/api';

register();
const { main } = await import('./main.ts');
const { thisMachine } = await import('./this-machine.ts');

process.exitCode = await main(process.argv.slice(2), thisMachine());
