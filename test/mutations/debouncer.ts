import type { MutatedPart } from './mutation.ts';

const file = 'source/debouncer.ts';

export const debouncer: MutatedPart = {
  name: 'debouncer',
  tests: ['source/debouncer.test.ts'],
  mutations: [
    {
      file,
      from: 'now - state.lastPutAt >= waitMs',
      to: 'now - state.lastPutAt > waitMs',
      means: 'quiet for exactly as long as asked is not quiet',
    },
    {
      file,
      from: 'Math.min(pending.firstAt, now)',
      to: 'now',
      means: 'every event starts the longest wait anew: an endless storm is never heard of',
    },
    {
      file,
      from: 'Math.min(pending.firstAt, now)',
      to: 'pending.firstAt',
      means: 'a clock that is set back stretches the longest wait',
    },
    {
      file,
      from: 'merge(pending.event, event)',
      to: 'event',
      means: 'only the last event of a storm is left',
    },
    {
      file,
      from: 'Math.min(state.lastPutAt + waitMs, state.pending.firstAt + maxWaitMs)',
      to: 'state.lastPutAt + waitMs',
      means: 'there is no longest wait',
    },
    {
      file,
      from: 'cutShort && waitedMs >= maxWaitMs',
      to: 'waitedMs >= maxWaitMs',
      means: 'a late timer passes for the longest wait',
    },
    {
      file,
      from: 'return { state: { lastPutAt }, emission: { event: pending.event, edge, waitedMs } };',
      to: 'return { state, emission: { event: pending.event, edge, waitedMs } };',
      means: 'what went out still waits, and goes out again',
    },
    {
      file,
      from: '    this.#cancelTimer?.();\n',
      to: '',
      means: 'the old timer runs beside the new one',
    },
    {
      file,
      from: 'Math.max(this.#options.clock.now(), this.#timerAt)',
      to: 'this.#options.clock.now()',
      means: 'a timer that fires early counts as early',
    },
    {
      file,
      from: '    this.#enter({ state: this.#state });\n',
      to: '',
      means: 'what waits already goes on waiting for as long as before a reload',
    },
  ],
};
