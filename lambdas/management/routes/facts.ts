import { isOwn } from '../bound.ts';
import { showClick, showClickToPublisher } from '../facts.ts';
import { ok } from '../http.ts';
import type { ApiRequest, Deps, Handle } from '../http.ts';
import { notFound } from '../problems.ts';
import type { Answer } from '../problems.ts';

export const CLICK_ID = /^[a-z2-7]{32}$/;
export const SORTABLE_ID = /^[a-z2-7]{24}$/;
/** Compared with what is stored, whatever it is. */
export const TEXT = /^[^]{1,512}$/;

async function click(request: ApiRequest, deps: Deps): Promise<Answer> {
  const id = clickIdOf(request.params['id'] ?? '');
  const found = CLICK_ID.test(id) ? await deps.facts.click(id) : null;
  if (found === null || !isOwn(request, found)) throw notFound('click');
  const show = request.publisherId === null ? showClick : showClickToPublisher;
  return ok(show(found, await deps.facts.conversionIdsOfClick(id)));
}

/** Click ids are accepted trimmed and in any case. */
export function clickIdOf(text: string): string {
  return text.trim().toLowerCase();
}

export const factHandlers = {
  'GET /v1/clicks/:id': click,
} satisfies Record<string, Handle>;
