import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { skipWithout } from '../test/support/servers.ts';
import { bundle } from './peers.ts';
import type { Section } from './section.ts';
import type { Row } from './table.ts';

/** In a process of its own: what drives a browser knows the types of a browser, and the bench does not. */
const measureCrowd = fileURLToPath(new URL('../test/browser/measure-crowd.ts', import.meta.url));

interface Frames {
  readonly frames: number;
  readonly longestFrame: number;
  readonly longestTask: number;
  readonly tasksOver50: number;
  readonly busy: number;
  readonly slowScripts: readonly string[];
}

interface Figures {
  readonly first: { readonly answerMs: number; readonly viewMs: number };
  readonly frames: Readonly<Record<string, Frames>>;
}

/** The incident page in a real Chromium, with as much to show as it promises to be quick with. */
export const page: Section = {
  name: 'page',
  title: 'The incident page in Chromium, 1,000 pipelines and 10,000 alerts: first view, and how smoothly it is drawn',
  async run({ quick }) {
    const missing = skipWithout('chromium');
    if (missing !== false) return { rows: [{ 'left out': missing }], raw: [] };
    const args = [measureCrowd, bundle, '1000', '10000', quick ? '3' : '10'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 24 });
    const figures = JSON.parse(stdout) as Figures;
    return { rows: rows(figures), raw: figures };
  },
};

/** Wall time on a machine with other work says more about that work; a task's CPU time is that of the page alone. */
function rows({ first, frames }: Figures): Row[] {
  const none = { frames: '', 'longest task, CPU ms': '', 'tasks over 50 ms': '', busy: '' };
  return [
    { what: 'navigation → answer', 'longest, wall ms': String(first.answerMs), ...none, target: '' },
    { what: 'answer → first view', 'longest, wall ms': String(first.viewMs), ...none, target: '≤ 1000 ms' },
    ...Object.entries(frames).map(([what, each]) => ({
      what,
      'longest, wall ms': String(each.longestFrame),
      frames: String(each.frames),
      'longest task, CPU ms': String(each.longestTask),
      'tasks over 50 ms': String(each.tasksOver50),
      busy: `${Math.round(each.busy * 100)} %`,
      target: 'no task over 50 ms',
    })),
  ];
}
