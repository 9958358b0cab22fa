import { MessageChannel, Worker } from 'node:worker_threads';

import type { FunctionDefinition } from './function-definition.ts';

/** How an invocation ended. Payloads are JSON as the function made it. */
export type Outcome =
  | { readonly kind: 'success'; readonly payload: string }
  /** The function threw, timed out or took its environment down. */
  | { readonly kind: 'error'; readonly payload: string };

interface Running {
  readonly settle: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}

const SCRIPT = new URL('worker.cjs', import.meta.url);
/** Lambda's limit on initialization. */
const INIT_MS = 10_000;
let streams = 0;

/** One execution environment: a worker thread that handles one event at a time and is frozen in between. */
export class Environment {
  private readonly definition: FunctionDefinition;
  private readonly worker: Worker;
  private readonly port: MessageChannel['port1'];
  private readonly wakeups = new Int32Array(new SharedArrayBuffer(4));
  private readonly onLog: (text: string) => void;
  private readonly initialized: Promise<string | undefined>;
  private settleInit: (failure: string | undefined) => void = () => undefined;
  private running: Running | undefined;
  private failure: string | undefined;
  /** False once the environment can handle no more events. */
  alive = true;

  constructor(definition: FunctionDefinition, onLog: (text: string) => void) {
    this.definition = definition;
    this.onLog = onLog;
    const { port1, port2 } = new MessageChannel();
    this.port = port1;
    streams += 1;
    const logStream = `${new Date().toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]${streams.toString(16).padStart(32, '0')}`;
    this.initialized = new Promise((resolve) => (this.settleInit = resolve));
    this.worker = new Worker(SCRIPT, {
      // Nothing of our own environment, arguments or loaders: no real credentials, nothing that AWS does not have.
      env: { ...definition.environment, AWS_LAMBDA_LOG_STREAM_NAME: logStream },
      argv: [],
      execArgv: [],
      stdin: false,
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: definition.memoryMb },
      workerData: {
        port: port2,
        wake: this.wakeups.buffer,
        taskRoot: definition.taskRoot,
        source: definition.source,
        handler: definition.handler,
        functionName: definition.name,
        functionArn: definition.arn,
        memoryMb: definition.memoryMb,
        logStream,
      },
      transferList: [port2],
    });
    port1.on('message', (message: [string, string]) => this.receive(message[0], message[1]));
    // Written past the JavaScript streams, by Node itself: warnings, fatal errors.
    for (const stream of [this.worker.stdout, this.worker.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => onLog(text));
    }
    this.worker.on('error', (error: Error) =>
      this.fail(`${error.name}: ${error.message}`, error.stack ?? error.message),
    );
    this.worker.on('exit', (code) => this.fail(`Runtime exited with code ${code}`));
    const timer = setTimeout(() => this.fail(`Init timed out after ${INIT_MS / 1000} seconds`), INIT_MS);
    void this.initialized.then(() => clearTimeout(timer));
  }

  /** Runs one event to its end. Never rejects. */
  async invoke(requestId: string, event: string): Promise<Outcome> {
    const failure = this.alive ? await this.initialized : this.failure;
    if (failure !== undefined) return { kind: 'error', payload: failure };
    return new Promise((resolve) => {
      const { timeoutMs } = this.definition;
      const timer = setTimeout(
        () => this.fail(`${requestId} Task timed out after ${(timeoutMs / 1000).toFixed(2)} seconds`),
        timeoutMs,
      );
      this.running = { settle: resolve, timer };
      this.port.postMessage([requestId, event, Date.now() + timeoutMs, traceOf(requestId)]);
      Atomics.add(this.wakeups, 0, 1);
      Atomics.notify(this.wakeups, 0);
    });
  }

  /** Ends the environment as AWS ends one that is no longer needed: at once. */
  async terminate(): Promise<void> {
    this.fail('Environment ended');
    await this.worker.terminate();
  }

  private receive(type: string, text: string): void {
    switch (type) {
      case 'log':
        this.onLog(text);
        return;
      case 'ready':
        this.settleInit(undefined);
        return;
      case 'done':
        this.finish({ kind: 'success', payload: text });
        return;
      case 'failed':
        this.finish({ kind: 'error', payload: text });
        return;
      case 'init-failed':
        this.onLog(`Init failed: ${text}\n`);
        this.end(text);
        return;
      default:
    }
  }

  private fail(message: string, details = message): void {
    if (!this.alive) return;
    if (message !== 'Environment ended') this.onLog(`${details}\n`);
    this.end(JSON.stringify({ errorType: 'Runtime.ExitError', errorMessage: message }));
  }

  private end(failure: string): void {
    this.alive = false;
    this.failure = failure;
    this.settleInit(failure);
    this.finish({ kind: 'error', payload: failure });
    this.port.close();
    void this.worker.terminate();
  }

  private finish(outcome: Outcome): void {
    const running = this.running;
    if (running === undefined) return;
    this.running = undefined;
    clearTimeout(running.timer);
    running.settle(outcome);
  }
}

function traceOf(requestId: string): string {
  const digits = requestId.replaceAll('-', '');
  return `Root=1-${digits.slice(0, 8)}-${digits.slice(8, 32)};Parent=${digits.slice(0, 16)};Sampled=0`;
}
