import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAnnotationKey, isDnsLabel, isDnsSubdomain, isLabelKey, isLabelValue, readApiVersion } from './kubernetes.ts';

type Row = readonly [text: string, isValid: boolean];

function table(name: string, judge: (text: string) => boolean, rows: readonly Row[]): void {
  describe(name, () => {
    for (const [text, isValid] of rows)
      it(`says ${isValid} to ${text === '' ? 'nothing' : text.slice(0, 40)} (${text.length})`, () =>
        assert.equal(judge(text), isValid));
  });
}

const common: readonly Row[] = [
  ['orders', true],
  ['a', true],
  ['0-a', true],
  ['', false],
  ['Orders', false],
  ['-a', false],
  ['a-', false],
  ['a_b', false],
  ['a/b', false],
  ['..', false],
  ['a\n', false],
  ['ü', false],
];

table('isDnsSubdomain', isDnsSubdomain, [
  ...common,
  ['a.b', true],
  ['a..b', false],
  ['a.', false],
  ['a'.repeat(253), true],
  ['a'.repeat(254), false],
]);

table('isDnsLabel', isDnsLabel, [...common, ['a.b', false], ['a'.repeat(63), true], ['a'.repeat(64), false]]);

table('isLabelKey', isLabelKey, [
  ['app', true],
  ['A_b.c-d', true],
  ['tocsin.dev/namespace', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  [`${'a'.repeat(253)}/b`, true],
  [`${'a'.repeat(254)}/b`, false],
  ['Tocsin.dev/a', false],
  ['a/b/c', false],
  ['/a', false],
  ['a/', false],
  ['_a', false],
  ['', false],
]);

table('isAnnotationKey', isAnnotationKey, [
  ['reconcile.fluxcd.io/requestedAt', true],
  ['Example.com/a', true],
  ['force-sync', true],
  ['a/b/c', false],
  ['/a', false],
  ['a b', false],
  ['', false],
]);

table('isLabelValue', isLabelValue, [
  ['', true],
  ['a', true],
  ['A_b.c', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  ['a/b', false],
  ['-', false],
]);

describe('readApiVersion', () => {
  it('gives group and version', () => {
    assert.deepEqual(readApiVersion('apps/v1'), { group: 'apps', version: 'v1' });
    assert.deepEqual(readApiVersion('v1'), { group: '', version: 'v1' });
    assert.deepEqual(readApiVersion('x.example.org/v2beta11'), { group: 'x.example.org', version: 'v2beta11' });
  });

  for (const text of ['', 'apps', 'apps/', '/v1', 'apps/1', 'Apps/v1', 'a/b/v1', 'apps/v1gamma1', 'v1\n'])
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(readApiVersion(text), undefined));
});
