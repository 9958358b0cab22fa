import { StartError } from '../errors.ts';

/** A route of an HTTP API with what it leads to. */
export interface Route<Target> {
  /** As API Gateway has it: `ANY /v1/{proxy+}` or `$default`. */
  readonly key: string;
  readonly target: Target;
}

interface RouteMatch<Target> {
  readonly route: Route<Target>;
  /** Decoded values of the path's variables. */
  readonly parameters: Readonly<Record<string, string>>;
}

interface Segment {
  readonly kind: 'static' | 'variable' | 'greedy';
  readonly text: string;
}

interface ParsedRoute<Target> {
  readonly route: Route<Target>;
  readonly method: string;
  readonly segments: readonly Segment[];
}

/** The methods that API Gateway's `ANY` stands for; it refuses others. */
const METHODS = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);
const RANK = { static: 0, variable: 1, greedy: 2 };

/**
 * Finds the route of a request with API Gateway's precedence: full matches before `{proxy+}`, the more specific path
 * first, then the method before `ANY`, then `$default`.
 *
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
 */
export class Router<Target> {
  private readonly routes: readonly ParsedRoute<Target>[];
  private readonly otherwise: Route<Target> | undefined;

  constructor(routes: readonly Route<Target>[]) {
    this.otherwise = routes.find(({ key }) => key === '$default');
    this.routes = routes
      .filter(({ key }) => key !== '$default')
      .map(parseRoute)
      .sort(bySpecificity);
  }

  /** @param path as it came, percent-encoded */
  match(method: string, path: string): RouteMatch<Target> | undefined {
    if (!METHODS.has(method)) return undefined;
    const parts = path.split('/').slice(1);
    for (const { route, method: wanted, segments } of this.routes) {
      if (wanted !== 'ANY' && wanted !== method) continue;
      const parameters = matchSegments(segments, parts);
      if (parameters !== undefined) return { route, parameters };
    }
    return this.otherwise === undefined ? undefined : { route: this.otherwise, parameters: {} };
  }
}

function parseRoute<Target>(route: Route<Target>): ParsedRoute<Target> {
  const [, method, path] = /^([A-Z]+) (\/\S*)$/.exec(route.key) ?? [];
  if (method === undefined || path === undefined || (method !== 'ANY' && !METHODS.has(method))) {
    throw new StartError(`the route key '${route.key}' is not supported by the local run`);
  }
  const texts = path.split('/').slice(1);
  const segments = texts.map((text, index): Segment => {
    const [, name, plus] = /^\{([^{}+]+)(\+?)\}$/.exec(text) ?? [];
    if (name === undefined) return { kind: 'static', text };
    if (plus === '') return { kind: 'variable', text: name };
    if (index < texts.length - 1) throw new StartError(`the route key '${route.key}' has {${name}+} before its end`);
    return { kind: 'greedy', text: name };
  });
  return { route, method, segments };
}

function bySpecificity<Target>(a: ParsedRoute<Target>, b: ParsedRoute<Target>): number {
  const greedy = Number(isGreedy(a)) - Number(isGreedy(b));
  if (greedy !== 0) return greedy;
  for (let index = 0; index < Math.max(a.segments.length, b.segments.length); index += 1) {
    // A path that goes on is more specific than the other's {proxy+}, which stands at the end.
    const rank = RANK[a.segments[index]?.kind ?? 'greedy'] - RANK[b.segments[index]?.kind ?? 'greedy'];
    if (rank !== 0) return rank;
  }
  return Number(a.method === 'ANY') - Number(b.method === 'ANY');
}

function isGreedy<Target>({ segments }: ParsedRoute<Target>): boolean {
  return segments.at(-1)?.kind === 'greedy';
}

function matchSegments(segments: readonly Segment[], parts: readonly string[]): Record<string, string> | undefined {
  const greedy = segments.at(-1)?.kind === 'greedy';
  if (greedy ? parts.length < segments.length : parts.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, { kind, text }] of segments.entries()) {
    const part = parts[index] ?? '';
    if (kind === 'static') {
      if (part !== text && decodeLeniently(part) !== text) return undefined;
    } else {
      const value = kind === 'greedy' ? parts.slice(index).join('/') : part;
      if (value === '') return undefined;
      parameters[text] = decodeLeniently(value);
    }
  }
  return parameters;
}

/** Decodes percent escapes as UTF-8; what is no valid escape stays as it is, invalid UTF-8 becomes U+FFFD. */
export function decodeLeniently(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (escapes) =>
      Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
    );
  }
}
