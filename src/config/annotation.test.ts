import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readAnnotationKey, readAnnotationValue } from './annotation.ts';

describe('readAnnotationKey', () => {
  const long = 'a'.repeat(63);
  const good = [
    'tocsin.dev/requested-at',
    'reconcile.fluxcd.io/requestedAt',
    'argocd.argoproj.io/refresh',
    'plain',
    `Example.COM/${long}`,
    'a.b-c.d/X_1.y',
  ];
  for (const key of good) it(`takes ${key}`, () => assert.deepEqual(readAnnotationKey(key), { value: key }));

  const bad = [
    '',
    '/',
    'a/',
    '/a',
    'a/b/c',
    'a b',
    `${long}a`,
    '-a',
    'a-',
    'a_b.io/x',
    'é',
    `${'a.'.repeat(127)}a/x`,
    7,
    null,
    {},
  ];
  for (const key of bad) {
    it(`refuses ${JSON.stringify(key)}`, () => assert.ok('allowed' in readAnnotationKey(key)));
  }
});

describe('readAnnotationValue', () => {
  it('takes one short line', () => {
    assert.deepEqual(readAnnotationValue('normal'), { value: 'normal' });
    for (const found of ['a\nb', 'x'.repeat(257), 7, true]) assert.ok('allowed' in readAnnotationValue(found));
  });
});
