import { isDeepStrictEqual } from 'node:util';
import type * as z from 'zod';
import type { AuditAction, AuditEntry } from '../core/audit.ts';
import type { PostbackStatus } from '../core/entities.ts';
import { ENTITY_ID, newEntityId } from '../core/ids.ts';
import { COMMIT_TIMEOUT } from '../core/management-ports.ts';
import type { CatalogKinds, EntityKind } from '../core/management-ports.ts';
import { isObject, mergePatch } from '../core/merge-patch.ts';
import { audited } from './audit.ts';
import { ConcurrentChange, etag, isoTime, matches, ok } from './http.ts';
import type { ApiRequest, Deps, Step } from './http.ts';
import { invalidField, notFound, Problem, validationFailed } from './problems.ts';
import type { Answer, FieldError } from './problems.ts';
import { entityId } from './schemas/common.ts';
import { validate, wrongFields } from './validation.ts';

interface Stored {
  readonly id: string;
  readonly version: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly status: PostbackStatus;
}

/** An entity as stored, without what the API itself keeps. */
type Fields<K extends EntityKind> = Omit<CatalogKinds[K], 'id' | 'version' | 'created_at' | 'updated_at'>;

/** What one kind of entity is to the API. `Parsed` is what its schema makes of a document. */
export interface Resource<K extends EntityKind, Parsed> {
  readonly kind: K;
  readonly schema: z.ZodType<Parsed>;
  /** Fields that are shown but not set by the document, beside id and times. */
  readonly readOnly: readonly string[];
  /** Whether a change takes a cache lifetime to reach every environment. */
  readonly cached: boolean;
  /** From document to entity: fills in what depends on others, refuses what only storage can tell. */
  complete(parsed: Parsed, before: CatalogKinds[K] | null, deps: Deps): Promise<Fields<K>>;
  /** What is shown of it beside id and times: every field of the document and the read-only ones. */
  show(entity: CatalogKinds[K]): Readonly<Record<string, unknown>>;
  /** What must hold or be written together with it. */
  related(next: CatalogKinds[K], before: CatalogKinds[K] | null): readonly Step[];
}

const MAX_ENTITY_BYTES = 64 * 1024;
const EDIT_TRIES = 5;

/** The entity as clients see it. */
export function showEntity<K extends EntityKind, P>(resource: Resource<K, P>, entity: CatalogKinds[K] & Stored) {
  return {
    id: entity.id,
    ...resource.show(entity),
    created_at: isoTime(entity.created_at),
    updated_at: isoTime(entity.updated_at),
  };
}

/** The longest that an environment uses what is too old while it reads it anew. */
const REFRESH_TIMEOUT = 1_000;

/**
 * The time by which every environment has a change that is committed now. The answer is part of the commit, so this
 * counts the longest that one takes, then the lifetime of what was read just before it, then the refresh. While
 * storage is down, environments keep what they know (invariant 1): then it may be later.
 */
function effectiveBy({ now, cacheSeconds }: Deps): string {
  return isoTime(now() + COMMIT_TIMEOUT + cacheSeconds * 1_000 + REFRESH_TIMEOUT);
}

/** The answer to a create or a change. */
function written<K extends EntityKind, P>(
  status: 200 | 201,
  resource: Resource<K, P>,
  entity: CatalogKinds[K] & Stored,
  extra: object,
  deps: Deps,
): Answer {
  const effective = resource.cached && { effective_by: effectiveBy(deps) };
  return {
    status,
    headers: etag(entity.version),
    body: { ...showEntity(resource, entity), ...extra, ...effective },
  };
}

interface Context {
  readonly request: ApiRequest;
  readonly deps: Deps;
}

/** A new entity's document and the id that the operator chose, or a new one. Lists the wrong fields of both. */
export function parseNew<T>(schema: z.ZodType<T>, body: unknown, deps: Deps): { id: string; parsed: T } {
  const { id = newEntityId(deps.random), ...document } = isObject(body) ? body : {};
  const input = isObject(body) ? document : body;
  const chosen = entityId.safeParse(id);
  if (chosen.success) return { id: chosen.data, parsed: validate(schema, input) };
  const wrongId = { pointer: '/id', code: 'INVALID_FORMAT', message: 'must be 1 to 64 letters, digits, "-" or "_"' };
  throw validationFailed([wrongId, ...wrongFields(schema, input)]);
}

/** An entity that does not exist yet, from its document. */
export async function newEntity<K extends EntityKind, P>(
  resource: Resource<K, P>,
  parsed: P,
  id: string,
  { request, deps }: Context,
): Promise<CatalogKinds[K] & Stored> {
  const fields = await resource.complete(parsed, null, deps);
  const entity = { ...fields, id, version: 1, created_at: request.now, updated_at: request.now };
  // TypeScript does not see that Omit<T, keys> and those keys are T again while the kind is open.
  return sized(entity) as unknown as CatalogKinds[K] & Stored;
}

/** What the audit trail says of an entity that was made or changed. */
export function auditOf<K extends EntityKind, P>(
  resource: Resource<K, P>,
  request: ApiRequest,
  before: (CatalogKinds[K] & Stored) | null,
  after: CatalogKinds[K] & Stored,
  action?: AuditAction,
): AuditEntry[] {
  const { id, version } = after;
  const shown = before && showEntity(resource, before);
  return audited(request, { kind: resource.kind, id, version }, shown, showEntity(resource, after), action);
}

/** Writes a new entity with what belongs to it. */
export function commitNew<K extends EntityKind, P>(
  resource: Resource<K, P>,
  entity: CatalogKinds[K] & Stored,
  context: Context,
  more: { steps?: readonly Step[]; audit?: readonly AuditEntry[]; shown?: object } = {},
): Promise<Answer> {
  const create: Step = {
    change: { op: 'create', pk: resource.kind, sk: entity.id, value: entity },
    otherwise: new Problem(409, 'ID_TAKEN', `There is a ${resource.kind} with this id already`),
  };
  const steps = [create, ...(more.steps ?? []), ...resource.related(entity, null)];
  const audit = [...auditOf(resource, context.request, null, entity), ...(more.audit ?? [])];
  return context.request.commit(steps, audit, written(201, resource, entity, more.shown ?? {}, context.deps));
}

/** The handlers of one kind of entity. */
export function entityHandlers<K extends EntityKind, P>(resource: Resource<K, P>) {
  const read = async (id: string | undefined, deps: Deps): Promise<CatalogKinds[K] & Stored> => {
    const entity = id !== undefined && ENTITY_ID.test(id) ? await deps.catalog.get(resource.kind, id) : null;
    if (entity === null) throw notFound(resource.kind);
    return entity;
  };

  const edit = async (
    change: (entity: CatalogKinds[K] & Stored) => Promise<CatalogKinds[K] & Stored>,
    answer: (entity: CatalogKinds[K] & Stored) => Answer,
    { request, deps }: Context,
    {
      steps = () => [],
      action,
    }: {
      readonly steps?: (before: CatalogKinds[K]) => readonly Step[];
      /** What the audit trail calls it. @default - what became of the status */
      readonly action?: AuditAction;
    } = {},
  ): Promise<Answer> =>
    untilUnopposed(async () => {
      const before = await read(request.params['id'], deps);
      requireMatch(request, before.version);
      const next = await change(before);
      if (next === before) return answer(before);
      const replace: Step = {
        change: { op: 'replace', pk: resource.kind, sk: next.id, value: next, version: before.version },
        otherwise: new ConcurrentChange(),
      };
      return request.commit(
        [replace, ...steps(before), ...resource.related(next, before)],
        auditOf(resource, request, before, next, action),
        answer(next),
      );
    });

  return {
    create: async (request: ApiRequest, deps: Deps): Promise<Answer> => {
      const context = { request, deps };
      const { id, parsed } = parseNew(resource.schema, request.body, deps);
      return commitNew(resource, await newEntity(resource, parsed, id, context), context);
    },

    get: async (request: ApiRequest, deps: Deps): Promise<Answer> => {
      const entity = await read(request.params['id'], deps);
      return ok(showEntity(resource, entity), etag(entity.version));
    },

    patch: (request: ApiRequest, deps: Deps): Promise<Answer> => {
      const context = { request, deps };
      const readOnly = ['id', 'created_at', 'updated_at', ...resource.readOnly];
      return edit(
        async (before) => {
          const document = merged(showEntity(resource, before), readOnly, request.body);
          const fields = await resource.complete(validate(resource.schema, document), before, deps);
          const next = { ...before, ...fields, version: before.version + 1, updated_at: request.now };
          if (before.status === 'archived' && next.status === 'archived') {
            throw new Problem(409, 'ARCHIVED', `The ${resource.kind} is archived; set its status to change it`);
          }
          return sized(next);
        },
        (entity) => written(200, resource, entity, {}, deps),
        context,
      );
    },

    /** Archives; nothing is ever deleted, because conversions of old clicks still need it. Archiving twice is fine. */
    archive: (request: ApiRequest, deps: Deps): Promise<Answer> => {
      return edit(
        async (before) => {
          if (before.status === 'archived') return before;
          return { ...before, status: 'archived', version: before.version + 1, updated_at: request.now };
        },
        () => ({ status: 204 }),
        { request, deps },
      );
    },

    read,
    edit,
  };
}

/** Reads, decides and commits; anew while somebody else changes the same. */
export async function untilUnopposed<T>(change: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await change();
    } catch (error) {
      if (!(error instanceof ConcurrentChange) || tries === EDIT_TRIES) throw error;
    }
  }
}

/** Throws a 412 unless If-Match allows to change this version. */
export function requireMatch(request: ApiRequest, version: number): void {
  if (matches(request.ifMatch, version)) return;
  throw new Problem(412, 'PRECONDITION_FAILED', 'It was changed since: read it again', { headers: etag(version) });
}

/** The document after a merge patch. What is read-only may be repeated, as it was read, but not changed. */
export function merged(shown: Readonly<Record<string, unknown>>, readOnly: readonly string[], patch: unknown): unknown {
  if (!isObject(patch)) throw invalidField('', 'INVALID_TYPE', 'must be an object');
  const document = mergePatch(shown, patch);
  if (!isObject(document)) return document;
  const errors = readOnly
    // A merge patch takes away what it sets to null.
    .filter((name) => !isDeepStrictEqual(document[name] ?? null, shown[name] ?? null))
    .map((name) => ({ pointer: `/${name}`, code: 'READ_ONLY', message: 'The field cannot be changed' }));
  if (errors.length > 0) throw validationFailed(errors);
  return Object.fromEntries(Object.entries(document).filter(([name]) => !readOnly.includes(name)));
}

/** The entity, unless it is too large to be stored and cached. */
function sized<T extends object>(entity: T): T {
  const bytes = Buffer.byteLength(JSON.stringify(entity));
  if (bytes <= MAX_ENTITY_BYTES) return entity;
  throw invalidField(
    '',
    'TOO_BIG',
    `has ${bytes} bytes as JSON with its defaults, may have ${MAX_ENTITY_BYTES} in all`,
  );
}

/** The step that fails with a wrong field unless another entity exists and is not archived. */
export function requireEntity(kind: EntityKind, id: string, pointer: string): Step {
  return {
    change: { op: 'require', pk: kind, sk: id },
    otherwise: validationFailed([missingEntity(kind, id, pointer)]),
  };
}

/** The wrong field that names an entity which does not exist, or not any more. */
export function missingEntity(kind: EntityKind, id: string, pointer: string): FieldError {
  return { pointer, code: 'NOT_FOUND', message: `there is no ${kind} "${id}", or it is archived` };
}
