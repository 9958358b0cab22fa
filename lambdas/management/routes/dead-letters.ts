import { redriveDeadLetters, showDeadLetters } from '../../core/dead-letters.ts';
import { showDeadLetter } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import type { Answer } from '../problems.ts';
import { deadLetterRedrive } from '../schemas/dead-letters.ts';
import { validate } from '../validation.ts';

/** Milliseconds that one call may begin more work; API Gateway gives up after 30 s. */
const WORK_TIME = 20_000;

async function list(_: ApiRequest, { deadLetters }: Deps): Promise<Answer> {
  const { letters, count } = await showDeadLetters(deadLetters);
  return ok({ items: letters.map(showDeadLetter), count });
}

async function redrive({ body = {}, remember }: ApiRequest, deps: Deps): Promise<Answer> {
  const { discard_malformed } = validate(deadLetterRedrive, body);
  const { deadLetters, replays, conversions, now } = deps;
  const { hints } = conversions;
  return remember(
    ok(await redriveDeadLetters(discard_malformed, now() + WORK_TIME, { deadLetters, replays, hints, now })),
  );
}

export const deadLetterHandlers = {
  'GET /v1/dead-letters': list,
  'POST /v1/dead-letters/redrive': redrive,
} satisfies Record<string, Handle>;
