import type { MutatedPart } from './mutation.ts';

const file = 'silence/silences.ts';
const rules = 'silence/silence-rules.ts';
const index = 'silence/silence-index.ts';

export const silences: MutatedPart = {
  name: 'silences',
  tests: ['silence/silence-rules.test.ts', 'silence/silences.test.ts'],
  mutations: [
    {
      file: 'silence/silence.ts',
      from: "now < endsAt ? 'active' : 'expired'",
      to: "now <= endsAt ? 'active' : 'expired'",
      means: 'it silences at its end',
    },
    {
      file: rules,
      from: 'Math.floor(from.startsAt / 1000) === Math.floor(to.startsAt / 1000)',
      to: 'from.startsAt >= to.startsAt',
      means: 'what has been silenced is changed behind the back of those who ask later',
    },
    {
      file: rules,
      from: 'Math.max(silence.startsAt, now)',
      to: 'silence.startsAt',
      means: 'a new silence reaches into the past',
    },
    {
      file: rules,
      from: 'return a.length === b.length && a.every(',
      to: 'return a.every(',
      means: 'one more matcher changes what an old silence was about',
    },
    {
      file: rules,
      from: 'known.liveCount - Number(isReplaced) >= limits.maxSilences',
      to: 'known.liveCount - Number(isReplaced) > limits.maxSilences',
      means: 'one more than may be',
    },
    {
      file: rules,
      from: 'if (matchers.every(matchesEmpty))',
      to: 'if (matchers.some(matchesEmpty))',
      means: 'a silence is refused for one matcher of several',
    },
    {
      file,
      from: 'const before = this.#told.get(silence.id);\n    this.#remove(silence.id);',
      to: 'const before = this.#told.get(silence.id);',
      means: 'the version before goes on silencing',
    },
    {
      file,
      from: 'verdict !== undefined && verdict.version === this.#version',
      to: 'verdict !== undefined',
      means: 'an alert that was asked about once never hears of a new silence',
    },
    {
      file,
      from: 'Math.min(now, Math.max(silence.updatedAt, toldUntil))',
      to: 'now',
      means: 'what ended while the process was away wakes nobody',
    },
    {
      file: index,
      from: ".filter((m) => !m.matchesValue(''))",
      to: '',
      means: 'a silence that a missing label matches is not found',
    },
  ],
};
