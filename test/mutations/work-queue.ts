import type { MutatedPart } from './mutation.ts';

const file = 'workqueue/work-queue.ts';

export const workQueue: MutatedPart = {
  name: 'work queue',
  tests: [
    'reconcile/ports.test.ts',
    'workqueue/fair-lanes.test.ts',
    'workqueue/work-queue.test.ts',
    'workqueue/work-queue-model.test.ts',
  ],
  mutations: [
    {
      file,
      from: 'if (!this.#processing.has(key)) this.#enqueue(request, priority);',
      to: 'this.#enqueue(request, priority);',
      means: 'a key is worked on twice at once',
    },
    {
      file,
      from: 'if (again !== undefined) this.#enqueue(item.request, again.priority);',
      to: '',
      means: 'an add in the middle of a run is lost',
    },
    {
      file,
      from: 'payload: merge(waiting.payload, payload), priority: higher',
      to: 'payload, priority: higher',
      means: 'the second add throws the causes of the first away',
    },
    {
      file,
      from: 'merge(delayed.payload(false), payload)',
      to: 'payload',
      means: 'an add throws away what waited for its back-off',
    },
    {
      file,
      from: 'Math.min(now + delayMs, earlier?.readyAt ?? Number.POSITIVE_INFINITY)',
      to: 'now + delayMs',
      means: 'a later delay puts the earlier one off',
    },
    { file, from: '    delayed?.cancel();\n', to: '', means: 'a delay that was taken over comes all the same' },
    {
      file,
      from: 'rank[a] >= rank[b] ? a : b',
      to: 'b',
      means: 'a periodic look puts back what an alert asks for',
    },
    {
      file: 'workqueue/fair-lanes.ts',
      from: 'Math.min(this.#baseMs * 2 ** failures, this.#maxMs)',
      to: 'this.#baseMs * 2 ** failures',
      means: 'the back-off has no end',
    },
    {
      file: 'workqueue/fair-lanes.ts',
      from: 'this.#failures.set(key, failures + 1);',
      to: '',
      means: 'the back-off never grows',
    },
    {
      file: 'workqueue/fair-lanes.ts',
      from: 'return this.#failedRunning < this.limit;',
      to: 'return true;',
      means: 'keys that failed hold every worker',
    },
    {
      file: 'workqueue/fair-lanes.ts',
      from: ' && this.#turns >= turnsBeforeFailed',
      to: ' && false',
      means: 'a key that failed waits for ever while others do',
    },
    {
      file: 'reconcile/ports.ts',
      from: "namespace === undefined ? '' : `/${namespace}`",
      to: "''",
      means: 'two pipelines of one name in two namespaces are one',
    },
  ],
};
