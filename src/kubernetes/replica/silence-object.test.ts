import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher } from '../../matcher/matcher.ts';
import type { Silence } from '../../silence/silence.ts';
import { testSilence } from '../../silence/silence.fixture.ts';
import { newSilenceObject, silencePatch, wantedStatus } from './silence-object.ts';
import { silenceLimits, silenceObject, silenceOf } from './silence-object.fixture.ts';

const id = '0c2e0c2e-1111-4222-8333-444455556666';
const at = (time: string): number => Date.parse(`2026-11-30T${time}Z`);

type Json = Readonly<Record<string, unknown>>;

/** The object as the API server would have it after JSON, and what it describes. */
function stored(silence: Silence, given = { namespace: 'tocsin', alertsNamespaces: [] as string[] }) {
  const { metadata, spec } = JSON.parse(JSON.stringify(newSilenceObject(silence, given))) as Record<string, Json>;
  return silenceObject(metadata!, spec);
}

/** RFC 7386. */
function merge(target: unknown, change: unknown): unknown {
  if (typeof change !== 'object' || change === null || Array.isArray(change)) return change;
  const merged: Record<string, unknown> = { ...(target as Json | undefined) };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete merged[key];
    else
      Object.defineProperty(merged, key, {
        value: merge(merged[key], value),
        enumerable: true,
        configurable: true,
        writable: true,
      });
  }
  return merged;
}

const text = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
  fc.stringMatching(/^[\s"'\\{}=~!,a:.é]{0,8}$/),
);
const matcher = fc.oneof(
  fc.tuple(text, text, fc.constantFrom('=' as const, '!=' as const)),
  fc.tuple(text, fc.constantFrom('.+', 'a|b', '[x-z]+\\.', '\\d"', ''), fc.constantFrom('=~' as const, '!~' as const)),
);
const time = fc.integer({ min: at('00:00:00'), max: at('23:00:00') });
const texts = {
  createdBy: text,
  comment: text,
  annotations: fc.dictionary(text, text, { maxKeys: 3, noNullPrototype: true }),
};
const silence = fc
  .record({ matchers: fc.array(matcher, { maxLength: 3 }), startsAt: time, length: fc.nat({ max: 1e7 }), ...texts })
  .map(({ matchers, length, ...rest }): Silence => {
    const read = matchers.filter(([name]) => name !== '').map(([name, value, type]) => new Matcher(name, value, type));
    const all = [...read, new Matcher('job', 'node', '=')];
    return testSilence(id, { ...rest, matchers: all, endsAt: rest.startsAt + length });
  });

describe('The object of a silence', () => {
  it('describes the same silence, whatever its matchers and texts are', () =>
    fc.assert(
      fc.property(silence, (given) => {
        const object = stored(given);
        assert.deepEqual(silenceOf(object), { ...given, updatedAt: object.createdAt });
      }),
    ));

  it('describes the next version of its silence once it is patched', () =>
    fc.assert(
      fc.property(silence, silence, (before, next) => {
        const object = stored(before);
        const change = { ...next, matchers: before.matchers };
        const { spec } = JSON.parse(JSON.stringify(silencePatch(object, change))) as Record<string, Json>;
        const patched = { ...object, spec: merge(object.spec, spec) };
        assert.deepEqual(silenceOf(patched), { ...change, updatedAt: object.createdAt });
      }),
    ));

  it('is named by the id, and says which namespace it is limited to and that Tocsin has made it', () => {
    const object = newSilenceObject(testSilence(id), { namespace: 'tocsin', alertsNamespaces: ['shop'] });
    assert.deepEqual((object as Json)['metadata'], {
      name: id,
      namespace: 'tocsin',
      labels: { 'app.kubernetes.io/managed-by': 'tocsin', 'tocsin.dev/alerts-namespace': 'shop' },
    });
    const { metadata } = newSilenceObject(testSilence(id), { namespace: 'tocsin', alertsNamespaces: ['a b'] }) as {
      metadata: { labels: object };
    };
    assert.deepEqual(Object.keys(metadata.labels), ['app.kubernetes.io/managed-by']);
  });

  it('is changed only if it still has the version that the change was decided on', () => {
    const patch = silencePatch(silenceObject({ resourceVersion: '77' }), testSilence(id)) as Json;
    assert.deepEqual(patch['metadata'], { resourceVersion: '77' });
  });

  it('has its name as its id if that is a UUID, otherwise its uid', () => {
    assert.equal(silenceObject({ name: id, uid: 'u' }).id, id);
    assert.equal(silenceObject({ name: 'db-window', uid: 'u' }).id, 'u');
  });

  it('starts when it was created if it names no other start', () => {
    assert.equal(silenceOf(silenceObject({})).startsAt, at('20:00:00'));
    assert.equal(silenceOf(silenceObject({}, { startsAt: '2026-11-30T21:00:00.5Z' })).startsAt, at('21:00:00.500'));
  });

  it('was changed when anybody wrote its spec, and not when Tocsin wrote its status', () => {
    const managedFields = [
      { time: '2026-11-30T20:10:00Z' },
      { time: '2026-11-30T20:20:00Z' },
      { time: '2026-11-30T20:30:00Z', subresource: 'status' },
      { manager: 'x' },
    ];
    assert.equal(silenceObject({ managedFields }).updatedAt, at('20:20:00'));
  });

  const invalid: readonly (readonly [string, object, RegExp])[] = [
    ['no matchers', { matchers: [] }, /^spec.matchers: there has to be at least one/],
    ['a matcher that is no text', { matchers: [{ name: 'a' }] }, /^spec.matchers\[0\]: it has to be a text/],
    [
      'a matcher that cannot be read',
      { matchers: ['job="node"', 'node'] },
      /^spec.matchers\[1\]: bad matcher format: node/,
    ],
    ['a bad expression', { matchers: ['job=~"("'] }, /^spec.matchers\[0\]: error parsing regexp/],
    [
      'an expression that is balanced only within another',
      { matchers: ['job=~"a)(b"'] },
      /matcher 0 in set 0: invalid regular/,
    ],
    ['matchers that match every alert', { matchers: ['job=~".*"'] }, /at least one matcher must not match the empty/],
    ['an end before its start', { startsAt: '2026-11-30T23:00:00Z' }, /^spec.endsAt: a silence cannot end before/],
    ['no end', { endsAt: undefined }, /^spec.endsAt is missing/],
    ['a start that is no time', { startsAt: 'tomorrow' }, /^spec.startsAt is missing, or is not/],
    ['no author', { createdBy: undefined }, /^spec.createdBy is missing/],
    ['a comment that is too long', { comment: 'x'.repeat(70_000) }, /^silence exceeded maximum size: \d+ bytes/],
  ];
  for (const [name, spec, message] of invalid)
    it(`is no silence with ${name}`, () => {
      assert.throws(() => silenceOf(silenceObject({}, spec)), { message });
    });

  it('is no silence if its expressions take more memory than all silences may', () => {
    const spec = { matchers: Array.from({ length: 9 }, (_, index) => `job=~"[a-z]{${index + 100}}"`) };
    assert.throws(() => silenceOf(silenceObject({}, spec), { ...silenceLimits, maxMemoryBytes: 200_000 }), {
      limit: 'silences_memory',
    });
  });

  it('has a status with its id, its state or what is wrong, and the generation that this is about', () => {
    const object = silenceObject({ generation: 4 });
    const matchers = [new Matcher('job', 'node', '='), new Matcher('shop', 'x', '!=')];
    const active = wantedStatus(object, { silence: testSilence(id, { matchers }), state: 'active' });
    const shown = 'job="node", shop!="x"';
    assert.deepEqual(active, { state: 'Active', matchers: shown, id: 'uid-1', observedGeneration: 4 });
    const { state, message } = wantedStatus(object, { problem: 'x'.repeat(5000) });
    assert.deepEqual([state, message?.length], ['Invalid', 1024]);
  });
});
