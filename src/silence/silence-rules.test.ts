import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { silenceState, type PostableSilence, type Silence } from './silence.ts';
import {
  SilenceError,
  expireSilence,
  setSilence,
  validSilence,
  type KnownSilences,
  type ValidSilence,
} from './silence-rules.ts';
import { testSilence } from './silence.fixture.ts';
import { cpuMsOf } from '../runtime/slices.fixture.ts';

const limits = { maxSilences: 5, maxBytes: 1000, retentionMs: 10_000, maxMemoryBytes: 1e6 };
const job = { name: 'job', value: 'node', type: '=' } as const;

function posted(given: Partial<PostableSilence> = {}): PostableSilence {
  const times = { startsAt: 5000, endsAt: 9000 };
  return { id: '', matchers: [job], ...times, createdBy: 'me', comment: 'c', annotations: {}, ...given };
}

/** Runs all steps at once. */
function valid(...given: Parameters<typeof validSilence>): ValidSilence {
  const steps = validSilence(...given);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

describe('validSilence', () => {
  const refused: readonly (readonly [string, Partial<PostableSilence>, string])[] = [
    ['an end at its start', { startsAt: 7, endsAt: 7 }, 'Failed to create silence: start time must be before end time'],
    [
      'an end that has passed',
      { startsAt: 1, endsAt: 3999 },
      "Failed to create silence: end time can't be in the past",
    ],
    [
      'no name',
      { matchers: [job, { ...job, name: '' }] },
      'invalid silence: invalid label matcher 1 in set 0: invalid label name ""',
    ],
    [
      'a broken expression',
      { matchers: [{ ...job, value: '[', type: '=~' }] },
      'invalid silence: invalid label matcher 0 in set 0: invalid regular expression "[": error parsing regexp: missing closing ]: `[`',
    ],
    [
      'an expression that ends in a backslash',
      { matchers: [{ ...job, value: '\\', type: '=~' }] },
      'invalid silence: invalid label matcher 0 in set 0: invalid regular expression "\\\\": error parsing regexp: trailing backslash at end of expression: ``',
    ],
    [
      'nothing but what matches nothing',
      {
        matchers: [
          { ...job, value: '.*', type: '=~' },
          { ...job, value: '' },
        ],
      },
      'invalid silence: matcher set 0: at least one matcher must not match the empty string',
    ],
    [
      'too large a comment',
      { comment: 'x'.repeat(1000) },
      'silence exceeded maximum size: 1079 bytes (limit: 1000 bytes)',
    ],
  ];
  for (const [what, given, message] of refused)
    it(`refuses ${what}`, () =>
      assert.throws(() => valid(posted(given), 4000, limits), { name: 'SilenceError', status: 400, message }));

  it('accepts a silence of the maximum size', () => {
    const comment = 'x'.repeat(1000);
    assert.ok(valid(posted({ comment }), 4000, { ...limits, maxBytes: 1079 }));
  });

  it('refuses an expression that compiles only without the anchors', () =>
    assert.throws(() => valid(posted({ matchers: [{ ...job, value: '\\Qa', type: '=~' }] }), 4000, limits), {
      status: 400,
      message: /^invalid silence: .* invalid regular expression/,
    }));

  const parts = fc.array(
    fc.constantFrom('a', '(', ')', '|', '?:', '[', ']', '\\', '+', '$', '^', '\\Q', '\\E', '(?i)'),
    { maxLength: 8 },
  );

  it('accepts an expression only if it compiles as it was written', () =>
    fc.assert(
      fc.property(parts, (written) => {
        const value = written.join('');
        const compilesAlone = compiles(value);
        const matchers = [job, { name: 'x', value, type: '=~' as const }];
        const take = (): unknown => valid(posted({ matchers }), 4000, limits);
        if (!compilesAlone)
          assert.throws(take, { status: 400, message: /matcher 1 in set 0: invalid regular expression/ });
        else if (compiles(`^(?:${value})$`)) assert.ok(take());
      }),
      { examples: [[['a', ')', '(', 'b']], [['a', ')', '|', '(', 'b']]] as [string[]][] },
    ));

  it('describes the fault of an expression as it was written', () =>
    assert.throws(() => valid(posted({ matchers: [{ ...job, value: 'a)(b', type: '!~' }] }), 4000, limits), {
      message:
        'invalid silence: invalid label matcher 0 in set 0: invalid regular expression "a)(b": error parsing regexp: unexpected ): `a)(b`',
    }));

  it('refuses a huge expression at once, and never compiles it', () => {
    const matchers = [{ ...job, value: 'a{1000}'.repeat(4000), type: '=~' as const }];
    const tookMs = cpuMsOf(() =>
      assert.throws(() => valid(posted({ matchers }), 4000, { ...limits, maxBytes: 65_536 }), {
        status: 400,
        message: /: error parsing regexp: expression too large \(over 8000 instructions\)$/,
      }),
    );
    // It takes some ten milliseconds; compiling it would take half a minute.
    assert.ok(tookMs < 2000, `it took ${tookMs} ms`);
  });

  it('compiles, step by step, no more than there is memory for', () => {
    const matchers = Array.from({ length: 10 }, () => ({ ...job, value: 'a{1000}', type: '=~' as const }));
    const steps = validSilence(posted({ matchers }), 4000, { ...limits, maxMemoryBytes: 2_000_000 });
    // Each expression takes some 600,000 bytes.
    for (let step = 0; step < 3; step++) assert.equal(steps.next().done, false);
    assert.throws(() => steps.next(), { status: 400, limit: 'silences_memory' });
  });

  it('accepts a silence with a matcher that matches nothing, if it has another one', () =>
    assert.ok(valid(posted({ matchers: [{ ...job, value: '' }, job] }), 4000, limits)));

  it('accepts a silence with a negative matcher only', () =>
    assert.ok(valid(posted({ matchers: [{ ...job, type: '!=' }] }), 4000, limits)));
});

describe('setSilence', () => {
  const old = testSilence('old', { startsAt: 2500, endsAt: 6000, updatedAt: 1 });

  function set(given: Partial<PostableSilence>, now: number, known: readonly Silence[] = [old]) {
    const byId = new Map(known.map((silence) => [silence.id, silence]));
    return setSilence(knownAt(byId, now), valid(posted(given), now, limits), now, limits, () => 'new');
  }

  it('makes a new silence, which does not start before now', () => {
    const { id, silences } = set({ startsAt: 1000 }, 4000);
    assert.deepEqual([id, silences.map((s) => [s.id, s.startsAt, s.updatedAt])], ['new', [['new', 4000, 4000]]]);
  });

  it('does not find an unknown silence', () =>
    assert.throws(() => set({ id: 'other' }, 4000), { status: 404, message: 'silence not found' }));

  const rows: readonly (readonly [string, number, Partial<PostableSilence>, string])[] = [
    ['changes an active one that starts in the same second', 4000, { startsAt: 2000, endsAt: 4000 }, 'old'],
    ['replaces an active one that starts in another second', 4000, { startsAt: 3000 }, 'new'],
    ['replaces an active one that would have started in a second before', 4000, { startsAt: 1999 }, 'new'],
    ['replaces one with other matchers', 4000, { startsAt: 2500, matchers: [{ ...job, value: 'x' }] }, 'new'],
    ['replaces one of another name', 4000, { startsAt: 2500, matchers: [{ ...job, name: 'x' }] }, 'new'],
    ['replaces one of another type', 4000, { startsAt: 2500, matchers: [{ ...job, type: '=~' }] }, 'new'],
    ['replaces one with one more matcher', 4000, { startsAt: 2500, matchers: [job, job] }, 'new'],
    ['changes one that is to come, which starts later', 1000, { startsAt: 5500 }, 'old'],
    ['changes one that is to come, which starts now', 1000, { startsAt: undefined }, 'old'],
    ['replaces one that is to come, which would have started', 1000, { startsAt: 999 }, 'new'],
    ['replaces one that has ended', 6000, { startsAt: 2500 }, 'new'],
  ];
  for (const [what, now, given, id] of rows)
    it(what, () => {
      const change = set({ id: 'old', ...given }, now);
      assert.equal(change.id, id);
      const before = silenceState(old, now);
      const states = change.silences.map((silence) => [silence.id, silenceState(silence, now)]);
      assert.ok(states.length === (id === 'new' && before !== 'expired' ? 2 : 1), String(states));
      if (id === 'new' && before !== 'expired') assert.deepEqual(states[0], ['old', 'expired']);
    });

  it('replaces a silence of which one of several matchers is different', () => {
    const matchers = [job, { ...job, name: 'a' }];
    const several = { ...old, matchers: valid(posted({ matchers }), 1, limits).matchers };
    assert.equal(set({ id: 'old', startsAt: 2500, matchers }, 4000, [several]).id, 'old');
    const other = [job, { ...job, name: 'b' }];
    assert.equal(set({ id: 'old', startsAt: 2500, matchers: other }, 4000, [several]).id, 'new');
  });

  it('does not count silences that have ended, or the one that the new silence replaces', () => {
    const lasting = ['b', 'c', 'd'].map((id) => testSilence(id, { endsAt: 9000 }));
    const ended = ['x', 'y', 'z'].map((id) => testSilence(id));
    assert.equal(set({}, 4000, [...ended, ...lasting, old]).id, 'new');
    const full = [...lasting, testSilence('e', { endsAt: 9000 }), old];
    assert.throws(() => set({}, 4000, full), { limit: 'max_silences' });
    assert.equal(set({ id: 'old', matchers: [{ ...job, value: 'x' }] }, 4000, full).silences.length, 2);
  });

  it('stores no more than the limit, but still changes existing silences', () => {
    const full = [old, ...['b', 'c', 'd', 'e'].map((id) => testSilence(id, { endsAt: 9000 }))];
    assert.throws(() => set({}, 4000, full), {
      status: 400,
      limit: 'max_silences',
      message: 'exceeded maximum number of silences: 5 (limit: 5)',
    });
    assert.equal(set({ id: 'old', startsAt: 2500 }, 4000, full).id, 'old');
  });
});

describe('expireSilence', () => {
  const known = new Map([['a', testSilence('a')]]);
  it('ends an active silence now', () => {
    const [expired] = expireSilence(known, 'a', 1500).silences;
    assert.deepEqual([expired!.startsAt, expired!.endsAt, expired!.updatedAt], [1000, 1500, 1500]);
  });
  it('makes a pending silence start and end now', () => {
    const [expired] = expireSilence(known, 'a', 500).silences;
    assert.deepEqual([expired!.startsAt, expired!.endsAt], [500, 500]);
  });
  it('leaves one that has ended as it is', () => assert.deepEqual(expireSilence(known, 'a', 2000).silences, []));
  it('knows nothing of another', () => assert.throws(() => expireSilence(known, 'b', 0), SilenceError));
});

describe('the life of silences', () => {
  it('never changes what has been silenced', () =>
    fc.assert(
      fc.property(fc.array(steps(), { maxLength: 40 }), (operations) => {
        const known = new Map<string, Silence>();
        const history: Silence[][] = [];
        let now = 1000;
        let made = 0;
        for (const { wait, target, start, length, value, remove } of operations) {
          now += wait;
          const id = [...known.keys()][target] ?? '';
          const before = new Map(known);
          try {
            const given = { id, startsAt: now + start, endsAt: now + start + length, matchers: [{ ...job, value }] };
            const change = remove
              ? expireSilence(known, id, now)
              : setSilence(knownAt(known, now), valid(posted(given), now, limits), now, limits, () => `s${made++}`);
            for (const silence of change.silences) known.set(silence.id, silence);
          } catch (error) {
            assert.ok(error instanceof SilenceError, String(error));
            assert.deepEqual(known, before);
          }
          history.push([...known.values()]);
          assert.ok(knownAt(known, now).liveCount <= limits.maxSilences);
          for (const [old, silence] of before) assertKeepsThePast(silence, known.get(old)!, now);
        }
      }),
    ));

  /** At every moment up to `now`, the new version silences the same as the old one, except in the second in which it started. */
  function assertKeepsThePast(before: Silence, after: Silence, now: number): void {
    for (const at of [before.startsAt + 1000, before.endsAt - 1, now - 1]) {
      if (at >= now || at < before.startsAt + 1000) continue;
      assert.equal(silenceState(after, at) === 'active', silenceState(before, at) === 'active');
      assert.deepEqual(after.matchers.map(String), before.matchers.map(String));
    }
  }

  function steps() {
    return fc.record({
      wait: fc.integer({ min: 0, max: 5000 }),
      target: fc.integer({ min: 0, max: 7 }),
      start: fc.integer({ min: -4000, max: 4000 }),
      length: fc.integer({ min: -100, max: 9000 }),
      value: fc.constantFrom('a', 'b'),
      remove: fc.boolean(),
    });
  }
});

function knownAt(byId: ReadonlyMap<string, Silence>, now: number): KnownSilences {
  const liveCount = [...byId.values()].filter((silence) => silenceState(silence, now) !== 'expired').length;
  return { liveCount, get: (id) => byId.get(id) };
}

function compiles(expression: string): boolean {
  try {
    RE2JS.compile(expression);
    return true;
  } catch {
    return false;
  }
}
