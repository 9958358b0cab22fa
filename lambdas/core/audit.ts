import { isObject } from './merge-patch.ts';

export const AUDIT_KINDS = [
  'settings',
  'advertiser',
  'sender',
  'publisher',
  'campaign',
  'postback',
  'key',
  'conversion',
  'adjustment',
] as const;
export type AuditKind = (typeof AUDIT_KINDS)[number];

export const AUDIT_ACTIONS = [
  'created',
  'changed',
  'archived',
  'restored',
  'revoked',
  'token_added',
  'token_deleted',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** One difference. Values are JSON; null also where there is none. */
export interface AuditChange {
  /** JSON pointer into the document as the API shows it; empty: the whole of it. */
  readonly pointer: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** Who changed what and when, written in the transaction of the change itself and never touched again. */
export interface AuditEntry {
  /** Of the version that the change made: there is never a second one. */
  readonly id: string;
  /** Milliseconds. */
  readonly at: number;
  /** `key:<id>` or `bootstrap`. */
  readonly by: string;
  /** The key's name then. */
  readonly byName: string | null;
  readonly action: AuditAction;
  readonly kind: AuditKind;
  readonly subjectId: string;
  readonly requestId: string;
  readonly changes: readonly AuditChange[];
}

/** What was changed. */
export interface AuditSubject {
  readonly kind: AuditKind;
  readonly id: string;
  /** Of the subject, after the change. */
  readonly version: number;
}

export type AuditAuthor = Pick<AuditEntry, 'at' | 'by' | 'byName' | 'requestId'>;

type Document = Readonly<Record<string, unknown>>;

/** What the trail says of something new. As of all documents here: as the API shows it, because that holds no secret. */
export function auditCreation(subject: AuditSubject, author: AuditAuthor, document: Document): AuditEntry {
  return entryOf(subject, author, 'created', changesBetween(null, document));
}

/** What the trail says of a change; null: it changed nothing that is shown. */
export function auditChange(
  subject: AuditSubject,
  author: AuditAuthor,
  before: Document,
  after: Document,
  action: AuditAction = actionOf(subject, before, after),
): AuditEntry | null {
  const changes = changesBetween(before, after);
  return changes.length === 0 ? null : entryOf(subject, author, action, changes);
}

function entryOf(
  { kind, id, version }: AuditSubject,
  author: AuditAuthor,
  action: AuditAction,
  changes: readonly AuditChange[],
): AuditEntry {
  return { ...author, id: `${kind}#${id}#${version}`, action, kind, subjectId: id, changes };
}

function actionOf({ kind }: AuditSubject, before: Document, after: Document): AuditAction {
  const ends = after['status'] === 'archived';
  if (ends === (before['status'] === 'archived')) return 'changed';
  if (!ends) return 'restored';
  return kind === 'key' ? 'revoked' : 'archived';
}

/** As JSON, in bytes; two whole documents are smaller, and a row of storage holds 400 kB. */
const MAX_CHANGES = 200_000;

/** Members of objects one by one, elements where as many objects stand before as after, all else as a whole. */
export function changesBetween(before: Document | null, after: Document): readonly AuditChange[] {
  const [from, to] = [asJson(before), asJson(after)];
  const changes = [...compare('', from, to)].filter(({ pointer }) => pointer !== '/updated_at');
  const bytes = new TextEncoder().encode(JSON.stringify(changes)).length;
  return bytes <= MAX_CHANGES ? changes : [{ pointer: '', from, to }];
}

/** Without members that are undefined. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function* compare(pointer: string, from: unknown, to: unknown): Generator<AuditChange> {
  const members = membersOf(from, to);
  if (members === null) {
    if (JSON.stringify(from) !== JSON.stringify(to)) yield { pointer, from, to };
    return;
  }
  for (const [name, was, is] of members) {
    yield* compare(`${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`, was, is);
  }
}

/** What to compare one by one; null: compare it as a whole. */
function membersOf(from: unknown, to: unknown): readonly (readonly [string, unknown, unknown])[] | null {
  const areElements = areObjects(from) && areObjects(to) && from.length === to.length;
  if (areElements) return from.map((element, i) => [String(i), element, to[i]]);
  if (!isObject(from) || !isObject(to)) return null;
  const names = new Set([...Object.keys(from), ...Object.keys(to)]);
  const member = (object: Document, name: string) => (Object.hasOwn(object, name) ? object[name] : null);
  return [...names].map((name) => [name, member(from, name), member(to, name)]);
}

function areObjects(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.every(isObject);
}
