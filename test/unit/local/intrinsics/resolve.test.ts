import { describe, expect, it } from 'vitest';

import type { Scope } from '../../../../local/intrinsics/resolve.ts';
import { conditionHolds, referencesOf, resolveIntrinsics } from '../../../../local/intrinsics/resolve.ts';
import type { Json } from '../../../../local/json.ts';

const SCOPE: Scope = {
  ref: (name) => ({ Queue: 'queue-url', 'AWS::Region': 'us-east-1', Names: ['a', 'b'] })[name],
  attribute: (resource, attribute) => (resource === 'Queue' && attribute === 'Arn' ? 'queue-arn' : undefined),
  conditions: {
    Yes: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] },
    No: { 'Fn::Not': [{ Condition: 'Yes' }] },
    Both: { 'Fn::And': [{ Condition: 'Yes' }, { Condition: 'No' }] },
    Either: { 'Fn::Or': [{ Condition: 'Yes' }, { Condition: 'No' }] },
  },
  mappings: { Sizes: { 'us-east-1': { small: 128 } } },
};

describe('resolveIntrinsics', () => {
  it.each<[Json, RegExp]>([
    [{ Ref: 'Nothing' }, /^Here: Ref to Nothing, which is neither a resource nor a parameter known here$/],
    [{ 'Fn::GetAtt': ['Queue', 'Color'] }, /Fn::GetAtt of Queue.Color/],
    [{ 'Fn::GetAtt': 7 }, /Fn::GetAtt needs/],
    [{ 'Fn::ImportValue': 'x' }, /Fn::ImportValue is not supported/],
    [{ 'Fn::GetAZs': '' }, /Fn::GetAZs is not supported/],
    [{ 'Fn::Transform': {} }, /Fn::Transform is not supported/],
    [{ 'Fn::Join': ['-'] }, /Fn::Join needs/],
    [{ 'Fn::Select': [2, ['a', 'b']] }, /Fn::Select finds nothing at 2/],
    [{ 'Fn::Sub': '${Nothing}' }, /Fn::Sub of \$\{Nothing\}/],
    [{ 'Fn::If': ['Maybe', 1, 2] }, /no condition Maybe/],
    [{ 'Fn::FindInMap': ['Sizes', 'mars', 'small'] }, /Fn::FindInMap finds nothing/],
    [[{ deep: { Ref: 'Nothing' } }], /^Here\[0\]\.deep: Ref to Nothing/],
  ])('refuses %j and says where it stands', (value, message) => {
    expect(() => resolveIntrinsics(value, SCOPE, 'Here')).toThrow(message);
  });

  it.each<[Json, Json]>([
    [{ Ref: 'Queue' }, 'queue-url'],
    [{ 'Fn::GetAtt': ['Queue', 'Arn'] }, 'queue-arn'],
    [{ 'Fn::GetAtt': 'Queue.Arn' }, 'queue-arn'],
    [{ 'Fn::Join': [':', ['a', { Ref: 'AWS::Region' }, 3]] }, 'a:us-east-1:3'],
    [{ 'Fn::Join': ['', { Ref: 'Names' }] }, 'ab'],
    [{ 'Fn::Split': ['-', { Ref: 'AWS::Region' }] }, ['us', 'east', '1']],
    [{ 'Fn::Select': ['1', { 'Fn::Split': ['-', 'a-b-c'] }] }, 'b'],
    [{ 'Fn::Sub': '${AWS::Region}/${Queue}/${Queue.Arn}/${!Literal}' }, 'us-east-1/queue-url/queue-arn/${Literal}'],
    [{ 'Fn::Sub': ['${Own}-${Queue}', { Own: { Ref: 'AWS::Region' } }] }, 'us-east-1-queue-url'],
    [{ 'Fn::If': ['Yes', { Ref: 'Queue' }, { Ref: 'Nothing' }] }, 'queue-url'],
    [{ 'Fn::If': ['No', { Ref: 'Nothing' }, 5] }, 5],
    [{ 'Fn::FindInMap': ['Sizes', { Ref: 'AWS::Region' }, 'small'] }, 128],
    [{ 'Fn::Base64': 'hi' }, 'aGk='],
    [{ a: { Ref: 'AWS::NoValue' }, b: [1, { Ref: 'AWS::NoValue' }, null] }, { b: [1, null] }],
    [
      { Ref: 'Queue', Other: 1 },
      { Ref: 'Queue', Other: 1 },
    ],
    [{ plain: [true, null, 'text'] }, { plain: [true, null, 'text'] }],
  ])('resolves %j to %j', (value, expected) => {
    expect(resolveIntrinsics(value, SCOPE, 'Here')).toEqual(expected);
  });
});

describe('conditionHolds', () => {
  it.each([
    ['Yes', true],
    ['No', false],
    ['Both', false],
    ['Either', true],
  ])('evaluates %s', (name, expected) => {
    expect(conditionHolds(name, SCOPE)).toBe(expected);
  });
});

describe('referencesOf', () => {
  it('finds what a value refers to, however it is written', () => {
    const value: Json = [
      { Ref: 'A' },
      { 'Fn::GetAtt': ['B', 'Arn'] },
      { 'Fn::GetAtt': 'C.Arn' },
      { 'Fn::Join': ['', [{ Ref: 'D' }]] },
      { 'Fn::Sub': '${E} ${F.Arn} ${!NotThis}' },
      { 'Fn::Sub': ['${Own}', { Own: { Ref: 'G' } }] },
    ];
    expect([...referencesOf(value)].filter((name) => name !== 'Own')).toEqual(['A', 'B', 'C', 'D', 'E', 'F', 'G']);
  });
});
