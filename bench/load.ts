import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';

interface Answer {
  readonly status: number;
  readonly location: string | null;
  readonly body: string;
  readonly milliseconds: number;
}

/** GETs each path once, one after the other on each of so many kept connections. */
export async function load(url: string, paths: readonly string[], connections: number): Promise<readonly Answer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const answers: Answer[] = [];
  const left = paths.values();
  const caller = async () => {
    for (const path of left) answers.push(await call(`${url}${path}`, agent));
  };
  await Promise.all(Array.from({ length: connections }, caller)).finally(() => agent.destroy());
  return answers;
}

const USER_AGENT =
  'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36';

function call(url: string, agent: Agent): Promise<Answer> {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { 'user-agent': USER_AGENT } }, (response) => {
      text(response).then((body) => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, body, location: headers.location ?? null, milliseconds: performance.now() - start });
      }, reject);
    }).once('error', reject);
  });
}
