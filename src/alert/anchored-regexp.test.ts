import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnchoredRegexp } from './anchored-regexp.ts';

describe('AnchoredRegexp', () => {
  it('refuses an expression that would take too long to compile', () =>
    assert.throws(() => new AnchoredRegexp('\\pL{1000}'.repeat(100)), {
      message: 'error parsing regexp: expression too large (over 8000 instructions)',
    }));

  it('refuses what is not Unicode', () =>
    assert.throws(() => new AnchoredRegexp('a\udcff'), { message: /^error parsing regexp: invalid UTF-8: / }));

  it('takes a list of a few hundred names', () => {
    const names = Array.from({ length: 200 }, (_, index) => `telemetry-gateway-${index}-abcdef`);
    assert.equal(new AnchoredRegexp(names.join('|')).test('telemetry-gateway-199-abcdef'), true);
  });

  it('does not try a text on which it would take too long', () => {
    const regexp = new AnchoredRegexp('[ab]*a[ab]{900}');
    assert.equal(regexp.test('a'.repeat(1500)), true);
    assert.equal(regexp.test('a'.repeat(3000)), undefined);
    assert.equal(new AnchoredRegexp('a*').test('a'.repeat(100_000)), true);
  });
});
