import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * What becomes of one request.
 *  - `reject`, `throttle`: an error of the service; nothing happened.
 *  - `conflict`: a write met another one's transaction; nothing happened. DynamoDB Local never answers so.
 *  - `lost`: the first condition of a transaction is lost; nothing happened.
 *  - `hang`: no answer ever; nothing happened.
 *  - `reset`: the connection is cut; nothing happened.
 *  - `dropAnswer`: it happened, but the connection is cut before the answer.
 *  - a number: it happens so many milliseconds late.
 */
export type Fault = 'ok' | 'reject' | 'throttle' | 'conflict' | 'lost' | 'hang' | 'reset' | 'dropAnswer' | number;

/** Decides about a request by its `X-Amz-Target`, such as `DynamoDB_20120810.PutItem`, and its body. */
export type FaultPlan = (target: string, body: Buffer) => Fault;

/** Stands between AWS clients and DynamoDB or SQS. */
export interface FaultProxy {
  readonly endpoint: string;
  /** From now on; what hangs already goes on hanging. */
  plan: FaultPlan;
  stop(): Promise<void>;
}

/** Forwards everything until it gets a plan. `upstream`: an endpoint over HTTP. */
export async function startFaultProxy(upstream: string): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  const { hostname, port } = new URL(upstream);

  /** The answer of the real service. */
  const forward = async ({ method, url, headers }: IncomingMessage, body: Buffer) => {
    const call = request({ agent, hostname, port, method, path: url, headers }).end(body);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    return { response, body: await buffer(response) };
  };

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await buffer(incoming);
    const target = String(incoming.headers['x-amz-target']);
    const fault = proxy.plan(target, body);
    if (fault === 'hang') return;
    if (fault === 'reset') return void incoming.socket.resetAndDestroy();
    if (fault === 'reject') return refuse(outgoing, 500, 'InternalServerError');
    if (fault === 'throttle') return refuse(outgoing, 400, 'ThrottlingException');
    if (fault === 'conflict') return refuseWrite(outgoing, target, body, 'TransactionConflict');
    if (fault === 'lost') return refuseWrite(outgoing, target, body, 'ConditionalCheckFailed');
    if (typeof fault === 'number') await new Promise((resolve) => setTimeout(resolve, fault));
    const answer = await forward(incoming, body);
    if (fault === 'dropAnswer') return void incoming.socket.resetAndDestroy();
    outgoing.writeHead(answer.response.statusCode ?? 502, answer.response.headers).end(answer.body);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    // The client or the service is gone: so is the connection.
    handle(incoming, outgoing).catch(() => incoming.socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');

  const proxy: FaultProxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    plan: () => 'ok',
    async stop() {
      agent.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}

function refuse(response: ServerResponse, status: number, type: string, more: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify({ __type: `com.amazonaws.any#${type}`, message: 'by the fault proxy', ...more }));
}

/** A transaction names a reason for each of its items; here the first of them is the one that is refused. */
function refuseWrite(response: ServerResponse, target: string, body: Buffer, reason: string): void {
  if (!target.endsWith('.TransactWriteItems')) return refuse(response, 400, `${reason}Exception`);
  const { TransactItems } = JSON.parse(body.toString()) as { TransactItems: readonly unknown[] };
  const CancellationReasons = TransactItems.map((_, index) => ({ Code: index === 0 ? reason : 'None' }));
  refuse(response, 400, 'TransactionCanceledException', { CancellationReasons });
}
