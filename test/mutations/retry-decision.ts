import type { MutatedPart } from './mutation.ts';

const file = 'controller/controller.ts';
const outcome = 'controller/controller.ts';

export const retryDecision: MutatedPart = {
  name: 'retry decision',
  tests: ['controller/controller.test.ts', 'controller/controller-stop.test.ts'],
  mutations: [
    {
      file,
      from: "      case 'terminal_error':\n        this.#queue.forget(request);",
      to: "      case 'terminal_error':",
      means: 'a key that is well again keeps its back-off',
    },
    {
      file,
      from: "      case 'requeue_after': {\n        this.#queue.forget(request);",
      to: "      case 'requeue_after': {",
      means: 'a key that is looked at again keeps its back-off',
    },
    {
      file,
      from: 'Math.min(Math.max(0, retryAt - clock.now()), maxDelayMs)',
      to: 'Math.max(0, retryAt - clock.now())',
      means: 'a clock that was set back puts the retry off for hours',
    },
    {
      file,
      from: '() => retriedWork(payload), retryPriority(item), delayMs)',
      to: '() => retriedWork(payload), retryPriority(item), delayMs / 2)',
      means: 'a postponed retry comes too early, and meets the same failure',
    },
    {
      file,
      from: "      case 'postponed': {\n        this.#unfinished.add(requestKey(request));",
      to: "      case 'postponed': {",
      means: 'what waits for a snapshot at the end is not counted as given up',
    },
    {
      file,
      from: 'this.#draining ? undefined : this.#retry(item, durationMs())',
      to: 'this.#retry(item, durationMs())',
      means: 'a retry is told of that never comes',
    },
    {
      file,
      from: '    this.#unfinished.delete(requestKey(item.request));\n',
      to: '',
      means: 'who failed once counts as given up for good',
    },
    {
      file: outcome,
      from: "if (isAborted) return { kind: 'cancelled', error };",
      to: '',
      means: 'what the shutdown breaks off counts as a failure',
    },
    {
      file: outcome,
      from: "error instanceof TerminalError ? 'terminal_error' : 'error'",
      to: "error instanceof Error ? 'terminal_error' : 'error'",
      means: 'no failure is tried again',
    },
    {
      file: outcome,
      from: "if (error instanceof PostponedError) return { kind: 'postponed', error };",
      to: '',
      means: 'while Prometheus is away every pipeline asks on its own',
    },
  ],
};
