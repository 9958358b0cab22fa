import { createHash } from 'node:crypto';
import type { AuditEntry } from '../core/audit.ts';
import { encodeBase32 } from '../core/base32.ts';
import { newSortableId } from '../core/ids.ts';
import { hashToken } from '../core/senders.ts';
import type { Caller, Deps, Step } from './http.ts';
import { Problem } from './problems.ts';
import type { Answer } from './problems.ts';
import { open, seal } from './secrets.ts';

/** For how long the answer to an Idempotency-Key is kept. */
const KEPT_SECONDS = 24 * 3_600;
/** Bytes of an answer that a row of 400 kB has room for. */
const MAX_KEPT = 390_000;
const ID_BYTES = 15;

interface WriteRequest {
  readonly method: string;
  readonly path: string;
  readonly rawBody: string;
  /** Header, or null. */
  readonly idempotencyKey: string | null;
  /** The caller's API key itself. */
  readonly secret: string;
}

interface Idempotency {
  /** The answer that was given before to the same request; throws if it was another request. */
  readonly replay: () => Promise<Answer | null>;
  /** Does the steps at most once. */
  readonly commit: (steps: readonly Step[], audit: readonly AuditEntry[], answer: Answer) => Promise<Answer>;
  /** Keeps the answer alone: what it tells of is done. One that is larger than a row is not kept. */
  readonly remember: (answer: Answer) => Promise<Answer>;
  /** 24 characters, for what the request makes: of a repeat the same, also after its answer is forgotten. */
  readonly newId: () => string;
}

/**
 * `Idempotency-Key`: the answer is stored in the transaction of the write itself, so that there is never one without
 * the other; that to a write outside of Catalog after it, so such a write may be done again. Only successes are stored:
 * after an error the same key may try again. Keys are each API key's own.
 */
export function idempotencyOf(request: WriteRequest, caller: Caller, deps: Deps): Idempotency {
  const { idempotencyKey, secret } = request;
  const run = async (steps: readonly Step[], audit: readonly AuditEntry[]): Promise<void> => {
    const lost = await deps.catalog.commit(
      steps.map(({ change }) => change),
      audit,
    );
    if (lost !== null) throw steps[lost]?.otherwise ?? new Error('a change without a condition was refused');
  };
  if (idempotencyKey === null) {
    return {
      replay: async () => null,
      async commit(steps, audit, answer) {
        await run(steps, audit);
        return answer;
      },
      remember: async (answer) => answer,
      newId: () => newSortableId(deps.now(), deps.random),
    };
  }
  if (!/^[\x21-\x7e]{1,255}$/.test(idempotencyKey)) {
    throw new Problem(400, 'INVALID_PARAMETER', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
  }

  const hash = hashToken(idempotencyKey);
  const requestHash = hashToken(JSON.stringify([request.method, request.path, request.rawBody]));
  const replay = async (): Promise<Answer | null> => {
    const record = await deps.catalog.idempotencyRecord(caller.id, hash);
    if (record === null || record.ttl * 1_000 < deps.now()) return null;
    if (record.request_hash !== requestHash) {
      throw new Problem(422, 'IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used for another request');
    }
    return JSON.parse(open(record.sealed, secret, hash)) as Answer;
  };
  const raced = new Problem(409, 'CONCURRENT_CHANGE', 'The same request is being done; try again');
  const commit: Idempotency['commit'] = async (steps, audit, answer) => {
    const seconds = Math.floor(deps.now() / 1_000);
    const value = {
      request_hash: requestHash,
      sealed: seal(JSON.stringify(answer), secret, hash, deps.random),
      ttl: seconds + KEPT_SECONDS,
    };
    const record: Step = {
      change: { op: 'create', pk: `idempotency#${caller.id}`, sk: hash, value, now: seconds },
      otherwise: raced,
    };
    try {
      // First, so that it is the reason when a twin of this request was faster and all conditions are lost.
      await run([record, ...steps], audit);
      return answer;
    } catch (error) {
      if (error !== raced) throw error;
      const given = await replay();
      if (given === null) throw raced;
      return given;
    }
  };
  const identity = JSON.stringify([caller.id, request.method, request.path, idempotencyKey]);
  const isKept = (answer: Answer) => Buffer.byteLength(JSON.stringify(answer)) <= MAX_KEPT;
  const remember = async (answer: Answer) => (isKept(answer) ? commit([], [], answer) : answer);
  const newId = () => encodeBase32(createHash('sha256').update(identity).digest().subarray(0, ID_BYTES));
  return { replay, commit, remember, newId };
}
