import type { MutatedPart } from './mutation.ts';

const file = 'workqueue/work-queue.ts';

export const workQueue: MutatedPart = {
  name: 'work queue',
  tests: [
    'reconcile/ports.test.ts',
    'workqueue/fair-lanes.test.ts',
    'workqueue/work-queue.test.ts',
    'workqueue/work-queue-model.test.ts',
    'workqueue/held-requests.test.ts',
  ],
  mutations: [
    {
      file,
      from: 'if (this.#processing.has(key)) return;\n    if (waiting',
      to: 'if (waiting',
      means: 'a key is worked on twice at once',
    },
    {
      file,
      from: 'if (again !== undefined) this.#enqueue(item.request, again.priority);',
      to: '',
      means: 'an add in the middle of a run is lost',
    },
    {
      file: 'workqueue/dirty-requests.ts',
      from: 'payload: merge(earlier.payload, payload),',
      to: 'payload,',
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
      file: 'workqueue/dirty-requests.ts',
      from: 'rank[a] >= rank[b] ? a : b',
      to: 'b',
      means: 'a periodic look puts back what an alert asks for',
    },
    {
      file,
      from: '    if (this.#isHeld) return leave();\n',
      to: '',
      means: 'work that was about to start starts although another replica leads',
    },
    {
      file: 'workqueue/dirty-requests.ts',
      from: 'lastAdd <= added && ',
      to: '',
      means: 'a request is dropped whose newest cause the leader has not worked on',
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
