// @ts-check
'use strict';
// One Lambda execution environment: runs in a worker thread, loads the bundle once and handles one event at a time.
// Plain CommonJS, because it must start as fast as on Lambda, where no loader compiles TypeScript.

const { readFileSync } = require('node:fs');
const Module = require('node:module');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { receiveMessageOnPort, workerData } = require('node:worker_threads');

/** @type {{ port: import('node:worker_threads').MessagePort, wake: SharedArrayBuffer, taskRoot: string, handler: string,
 *   source: string | undefined, functionName: string, functionArn: string, memoryMb: number, logStream: string }} */
const { port, wake, taskRoot, handler, source, functionName, functionArn, memoryMb, logStream } = workerData;
const wakeups = new Int32Array(wake);

// A frozen thread cannot flush a stream: what is written goes to the runner at once.
for (const stream of [process.stdout, process.stderr]) {
  /** @type {any} */ (stream).write = (
    /** @type {string | Uint8Array} */ chunk,
    /** @type {unknown} */ encoding,
    /** @type {unknown} */ callback,
  ) => {
    port.postMessage(['log', typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')]);
    const done = typeof encoding === 'function' ? encoding : callback;
    if (typeof done === 'function') process.nextTick(done);
    return true;
  };
}

// The task root of Lambda has no package.json: a .js file there is CommonJS, whatever the package around us says.
/** @type {any} */ (Module)._extensions['.js'] = (/** @type {any} */ module, /** @type {string} */ filename) => {
  module._compile(readFileSync(filename, 'utf8'), filename);
};

async function loadHandler() {
  const dot = handler.lastIndexOf('.');
  const name = handler.slice(dot + 1);
  const path = join(taskRoot, handler.slice(0, dot));
  let exported;
  if (source !== undefined) {
    const module = /** @type {any} */ (new Module(`${path}.js`));
    module.filename = `${path}.js`;
    module.paths = [];
    module._compile(source, `${path}.js`);
    exported = module.exports;
  } else {
    exported = await loadFile(path);
  }
  const found = exported[name];
  if (typeof found !== 'function') {
    throw Object.assign(new Error(`${handler} is undefined or not exported`), { name: 'Runtime.HandlerNotFound' });
  }
  return found;
}

/** @param {string} path without extension */
async function loadFile(path) {
  try {
    return require(path);
  } catch (error) {
    // Only if the file itself is missing, not something that it requires.
    if (/** @type {any} */ (error)?.code !== 'MODULE_NOT_FOUND' || !String(error).includes(path)) throw error;
    return import(pathToFileURL(`${path}.mjs`).href);
  }
}

/** @param {unknown} error */
function describe(error) {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error), trace: [] };
  return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split('\n') };
}

let handled = 0;

/**
 * Waits for the next event without running the event loop: timers, sockets and promises stand still meanwhile, as in
 * a frozen environment on AWS.
 *
 * @returns {[requestId: string, event: string, deadline: number, trace: string]}
 */
function nextInvocation() {
  Atomics.wait(wakeups, 0, handled);
  handled += 1;
  return receiveMessageOnPort(port)?.message;
}

/** @returns {Promise<void>} */
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function run() {
  let handle;
  try {
    handle = await loadHandler();
  } catch (error) {
    port.postMessage(['init-failed', JSON.stringify(describe(error))]);
    return;
  }
  port.postMessage(['ready']);
  for (;;) {
    // One turn of the event loop, as the response takes time to leave; then frozen.
    await turn();
    const [awsRequestId, event, deadline, trace] = nextInvocation();
    process.env._X_AMZN_TRACE_ID = trace;
    const context = {
      functionName,
      functionVersion: '$LATEST',
      invokedFunctionArn: functionArn,
      memoryLimitInMB: String(memoryMb),
      awsRequestId,
      logGroupName: `/aws/lambda/${functionName}`,
      logStreamName: logStream,
      callbackWaitsForEmptyEventLoop: true,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    };
    try {
      const result = JSON.stringify(await handle(JSON.parse(event), context)) ?? 'null';
      port.postMessage(['done', result]);
    } catch (error) {
      const description = describe(error);
      console.error(`ERROR\tInvoke Error\t${JSON.stringify(description)}`);
      port.postMessage(['failed', JSON.stringify(description)]);
    }
  }
}

void run();
