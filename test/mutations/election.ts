import type { MutatedPart } from './mutation.ts';

const file = 'replica/election.ts';

export const election: MutatedPart = {
  name: 'election',
  tests: ['replica/elector.test.ts', 'replica/elector-model.test.ts', 'replica/peers/marks.test.ts'],
  mutations: [
    {
      file,
      from: ' && now < this.#renewedAt + this.#timings.renewDeadlineMs;',
      to: ';',
      means: 'the leader believes in a renewal for ever',
    },
    {
      file,
      from: 'this.#renewedAt = this.#sentAt;',
      to: 'this.#renewedAt = now;',
      means: 'a renewal counts from its answer, which may have taken long',
    },
    {
      file,
      from: 'Math.max(claimedMs, this.#timings.durationMs)',
      to: 'claimedMs',
      means: 'an edit of the duration shortens the time of the holder',
    },
    {
      file,
      from: 'Math.max(claimedMs, this.#timings.durationMs)',
      to: 'this.#timings.durationMs',
      means: 'a holder with a longer duration is not waited for',
    },
    {
      file,
      from: 'return this.#changedAt + Math.max(',
      to: "return this.#heardAt + Date.parse(lease.renewTime ?? '') - Date.now() + Math.max(",
      means: 'the clock of the holder is compared with the own one',
    },
    {
      file,
      from: 'over: this.#seen?.version };\n  }\n\n  #release',
      to: 'over: undefined };\n  }\n\n  #release',
      means: 'a write does not name what its writer has seen',
    },
    {
      file,
      from: "if (lease.holder !== this.#me) this.#lose('taken over');",
      to: '',
      means: 'it leads on although another one has the lease',
    },
    {
      file,
      from: 'nextTerm(this.#latestTerm)',
      to: '1',
      means: 'a later term has no higher number',
    },
    {
      file,
      from: 'if (this.#seen !== undefined && isOlder(lease, this.#seen)) return;',
      to: '',
      means: 'a watch that lags behind undoes what was read',
    },
    {
      file,
      from: 'if (this.#isUnanswered || (this.#mustRead',
      to: 'if ((this.#mustRead',
      means: 'a lease that was got in an answer that was lost is not given away',
    },
    {
      file,
      from: "if (this.#seen?.holder !== this.#me) return { do: 'end' };",
      to: "return { do: 'end' };",
      means: 'the lease is not given away at the end',
    },
    {
      file,
      from: 'this.#createFrom = this.#freeAt;',
      to: '',
      means: 'a deleted lease is taken while its holder still believes in it',
    },
    {
      file,
      from: "this.#lose('deleted');",
      to: '',
      means: 'it leads on although the lease is gone',
    },
    {
      file: 'replica/elector.ts',
      from: 'this.#election.sent(this.#now());\n    const done = await',
      to: 'const done = await',
      means: 'the time of a renewal is not noted',
    },
    {
      file: 'replica/peers/marks.ts',
      from: 'if (!requests()) return;',
      to: '',
      means: 'the leader says that it is done before its runs are',
    },
    {
      file: 'replica/peers/marks.ts',
      from: 'if (term !== this.#term) return undefined;',
      to: '',
      means: 'a mark of another term counts',
    },
  ],
};
