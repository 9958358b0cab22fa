/** One wrong field of a request. `pointer` is a JSON pointer into the body (RFC 6901). */
export interface FieldError {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

type ProblemStatus = keyof typeof TITLES;

/** An answer that is no success: thrown anywhere, answered as a problem document (RFC 9457). The detail is for people. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: ProblemStatus;
  readonly code: string;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ProblemStatus,
    code: string,
    detail: string,
    more: { errors?: readonly FieldError[]; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = more.errors;
    this.headers = more.headers ?? {};
  }
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON; undefined: no body. */
  readonly body?: unknown;
}

/** The problem document of what was thrown. A 5xx says nothing but where to look. */
export function problemAnswer(problem: Problem, requestId: string): Answer {
  const { status, code, message, errors, headers } = problem;
  const head = { type: 'about:blank', title: TITLES[status], status, code };
  return {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
    body: status >= 500 ? { ...head, request_id: requestId } : { ...head, detail: message, errors },
  };
}

export function notFound(what: string): Problem {
  return new Problem(404, 'NOT_FOUND', `There is no such ${what}`);
}

export function invalidParameter(name: string, message: string): Problem {
  return new Problem(400, 'INVALID_PARAMETER', `${name} ${message}`);
}

export function validationFailed(errors: readonly FieldError[]): Problem {
  return new Problem(422, 'VALIDATION_FAILED', 'The request has wrong fields', { errors });
}

/** A single wrong field that only storage could tell. */
export function invalidField(pointer: string, code: string, message: string): Problem {
  return validationFailed([{ pointer, code, message }]);
}
