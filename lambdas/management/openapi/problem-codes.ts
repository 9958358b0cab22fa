export type RefusalStatus = 400 | 401 | 403 | 404 | 409 | 412 | 413 | 415 | 422 | 503;

/** Every code of a problem, with what it means. */
export const PROBLEMS = {
  MALFORMED_REQUEST: [400, 'The body is no JSON, or is nested too deeply'],
  INVALID_PARAMETER: [400, 'A parameter or header is missing, or has a value that it cannot have'],
  INVALID_CURSOR: [400, 'The cursor is not one of this list with these filters'],
  UNAUTHORIZED: [401, 'No API key, or one that is unknown, revoked or expired'],
  FORBIDDEN: [403, 'The role of the key may not do this, or not with these parameters'],
  NOT_FOUND: [404, 'There is none, or it is none of yours'],
  ID_TAKEN: [409, 'There is one with this id already'],
  TOKEN_IN_USE: [409, 'The security token is in use already'],
  TOO_MANY: [409, 'There are as many as there may be: delete one first'],
  ARCHIVED: [409, 'It is archived; a change must set its status, too'],
  NOT_REPLAYABLE: [409, 'Its news is not true any more, there is newer news, or its postback is archived'],
  NOT_REJECTED: [409, 'The call was not refused'],
  LAST_ADMIN_KEY: [409, 'No other admin key that never expires would be left'],
  CONCURRENT_CHANGE: [409, 'Somebody else changes the same at this moment: try again'],
  PRECONDITION_FAILED: [412, 'If-Match names another version: read it again'],
  BODY_TOO_LARGE: [413, 'The body is too large: 128 Ki characters, lists of changes and reports 512 Ki'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body is not JSON'],
  VALIDATION_FAILED: [422, 'Fields are wrong: `errors` names each of them'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The Idempotency-Key was used for another request'],
  TEMPORARILY_UNAVAILABLE: [503, 'Storage does not answer: try again'],
} as const satisfies Record<string, readonly [RefusalStatus, string]>;

export type ProblemCode = keyof typeof PROBLEMS;
