import { describe, expect, it } from 'vitest';
import { auditChange, auditCreation, changesBetween } from '../../../lambdas/core/audit.ts';
import type { AuditChange, AuditKind } from '../../../lambdas/core/audit.ts';

type Document = Readonly<Record<string, unknown>>;
type Row = [what: string, before: Document, after: Document, changes: AuditChange[]];

const from = (pointer: string, was: unknown, is: unknown): AuditChange => ({ pointer, from: was, to: is });

describe('what changed between two documents', () => {
  it.each<Row>([
    ['nothing', { a: [1, { b: null }], c: {} }, { c: {}, a: [1, { b: null }] }, []],
    ['the time of the change alone', { updated_at: 'then' }, { updated_at: 'now' }, []],
    ['a member that is undefined', { a: undefined }, {}, []],
    ['a value', { a: '1' }, { a: '2' }, [from('/a', '1', '2')]],
    ['another type', { a: 1 }, { a: '1' }, [from('/a', 1, '1')]],
    ['what was not there', {}, { a: 'x' }, [from('/a', null, 'x')]],
    ['what is not there any more', { a: false }, {}, [from('/a', false, null)]],
    ['a member of a member', { a: { b: 1, c: 2 } }, { a: { b: 1, c: 3 } }, [from('/a/c', 2, 3)]],
    ['an updated_at of a member', { a: { updated_at: 1 } }, { a: { updated_at: 2 } }, [from('/a/updated_at', 1, 2)]],
    ['a member that becomes an object', { a: null }, { a: { b: 1 } }, [from('/a', null, { b: 1 })]],
    [
      'names that pointers escape',
      { 'a/b': 1, '~': 1 },
      { 'a/b': 2, '~': 2 },
      [from('/a~1b', 1, 2), from('/~0', 1, 2)],
    ],
    ['an element of as many objects', { a: [{ b: 1 }, { b: 2 }] }, { a: [{ b: 1 }, { b: 3 }] }, [from('/a/1/b', 2, 3)]],
    ['other objects', { a: [{ b: 1 }] }, { a: [{ b: 1 }, { b: 2 }] }, [from('/a', [{ b: 1 }], [{ b: 1 }, { b: 2 }])]],
    ['a list of values', { a: ['x', 'y'] }, { a: ['x', 'z'] }, [from('/a', ['x', 'y'], ['x', 'z'])]],
    ['an order', { a: ['x', 'y'] }, { a: ['y', 'x'] }, [from('/a', ['x', 'y'], ['y', 'x'])]],
    ['a list that ends', { a: [{ b: 1 }] }, { a: [] }, [from('/a', [{ b: 1 }], [])]],
    [
      'a member with the name of a prototype',
      JSON.parse('{"a":{}}') as Document,
      JSON.parse('{"a":{"__proto__":"x","toString":"y"}}') as Document,
      [from('/a/__proto__', null, 'x'), from('/a/toString', null, 'y')],
    ],
  ])('tells %s', (_, before, after, changes) => {
    expect(changesBetween(before, after)).toEqual(changes);
  });

  it('tells the whole document of what is new', () => {
    expect(changesBetween(null, { a: 1, updated_at: 'now' })).toEqual([from('', null, { a: 1, updated_at: 'now' })]);
  });

  it('tells both documents as a whole where all single changes would not fit into a row of storage', () => {
    // 64 kB, the largest entity, whose pointers would make it 20 times as large.
    const names = Array.from({ length: 9_000 }, (_, i) => String(i));
    const document = (value: string) => ({ metadata: Object.fromEntries(names.map((name) => [name, value])) });
    const [before, after] = [document('💥'), document('é')];

    const changes = changesBetween(before, after);

    expect(changes).toEqual([from('', before, after)]);
    expect(Buffer.byteLength(JSON.stringify(changes))).toBeLessThan(400_000);
  });
});

describe('the audit trail', () => {
  const author = { at: 1, by: 'key:k1', byName: 'A key', requestId: 'r1' };
  const change = (kind: AuditKind, before: Document, after: Document) =>
    auditChange({ kind, id: 'x', version: 7 }, author, before, after);

  it.each<[kind: AuditKind, before: string, after: string, action: string]>([
    ['campaign', 'active', 'paused', 'changed'],
    ['campaign', 'paused', 'archived', 'archived'],
    ['campaign', 'archived', 'paused', 'restored'],
    ['key', 'active', 'archived', 'revoked'],
    ['conversion', 'pending', 'approved', 'changed'],
  ])('calls a %s that goes from %s to %s %s', (kind, before, after, action) => {
    expect(change(kind, { status: before }, { status: after })).toEqual({
      ...author,
      ...{ id: `${kind}#x#7`, action, kind, subjectId: 'x' },
      changes: [from('/status', before, after)],
    });
  });

  it('calls what is new created, and says nothing of a change that changed nothing', () => {
    const subject = { kind: 'campaign', id: 'x', version: 1 } as const;
    expect(auditCreation(subject, author, { status: 'archived' })).toMatchObject({ action: 'created' });
    expect(change('campaign', { a: 1, updated_at: 1 }, { a: 1, updated_at: 2 })).toBeNull();
  });
});
