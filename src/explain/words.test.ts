import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import { equalMatcher, isSamePipeline } from './words.ts';

describe('equalMatcher', () => {
  const names = fc.oneof(fc.constantFrom('alertname', 'a.b', 'ä"b'), fc.stringMatching(/^[a-zA-Z_]\w*$/));
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u001b[31m', 'a\tb\r\n', '\\"', '{}'),
  );

  it('is read back as it was meant, whatever the label has in it', () => {
    fc.assert(
      fc.property(names, value, (name, text) => {
        const matcher = parseMatcher(equalMatcher(name, text));
        assert.deepEqual([matcher.name, matcher.type, matcher.value], [name, '=', text]);
      }),
    );
  });
});

describe('isSamePipeline', () => {
  const known = { kind: 'TracePipeline', name: 'backend' };
  for (const [typed, expected] of [
    [{ kind: 'TRACEPIPELINES', name: 'Backend' }, true],
    [{ kind: 'tracepipeline', group: 'telemetry.kyma-project.io', name: 'backend' }, true],
    [{ kind: 'tracepipeline', group: 'example.com', name: 'backend' }, false],
    [{ kind: 'tracepipeline', namespace: 'shop', name: 'backend' }, false],
    [{ kind: 'constructor', name: '__proto__' }, false],
  ] as const)
    it(`is ${expected} for ${JSON.stringify(typed)}`, () => assert.equal(isSamePipeline(known, typed), expected));
});
