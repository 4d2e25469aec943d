import type { CDPSession, Page } from 'playwright-core';

/** How smoothly a page was drawn for a while. */
export interface Frames {
  readonly frames: number;
  /** The longest time between two frames, milliseconds. On a machine with other work it says more about that than about the page. */
  readonly longestFrame: number;
  /** The longest task of the page's thread, and the number of those over 50 ms; milliseconds of CPU time, whatever else runs. */
  readonly longestTask: number;
  readonly tasksOver50: number;
  /** The part of the time in which the page's thread was at work. */
  readonly busy: number;
  /** The frames of more than 50 ms in which scripts ran, and which did; the worst first. */
  readonly slowScripts: readonly string[];
}

/** Counts the frames of a page, and measures its tasks, while something happens. */
export async function framesWhile(page: Page, act: () => Promise<void>): Promise<Frames> {
  const session = await page.context().browser()!.newBrowserCDPSession();
  await page.evaluate(record);
  const startedAt = performance.now();
  const tasks = await tasksWhile(session, act);
  const elapsed = performance.now() - startedAt;
  const { deltas, slow } = await page.evaluate(stopRecording);
  await session.detach();
  return {
    frames: deltas.length,
    longestFrame: Math.round(Math.max(0, ...deltas)),
    longestTask: Math.round(Math.max(0, ...tasks)),
    tasksOver50: tasks.filter((ms) => ms > 50).length,
    busy: tasks.reduce((sum, ms) => sum + ms, 0) / elapsed,
    slowScripts: slow,
  };
}

/** An event of Chromium's tracing; times in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** The CPU time of the thread. */
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** The CPU time of each task of the pages' threads, milliseconds. */
async function tasksWhile(session: CDPSession, act: () => Promise<void>): Promise<number[]> {
  const events: TraceEvent[] = [];
  session.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])));
  const traceConfig = { includedCategories: ['disabled-by-default-devtools.timeline'], excludedCategories: ['*'] };
  await session.send('Tracing.start', { traceConfig });
  await act();
  const complete = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await session.send('Tracing.end');
  await complete;
  const pageThreads = new Set(
    events
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}/${tid}`),
  );
  const tasks = events.filter(({ name, pid, tid }) => name === 'RunTask' && pageThreads.has(`${pid}/${tid}`));
  if (tasks.length === 0) throw new Error('Chromium told nothing of the tasks of the page');
  return tasks.map(({ tdur = 0 }) => tdur / 1000);
}

interface Recorder {
  readonly deltas: number[];
  readonly slow: string[];
  stop(): void;
}

type Recording = typeof globalThis & { recorder?: Recorder };

/** https://w3c.github.io/long-animation-frames: a frame of more than 50 ms. The library of types does not have it yet. */
interface LongFrame {
  readonly duration: number;
  readonly scripts: readonly {
    readonly duration: number;
    readonly invoker: string;
    readonly sourceCharPosition: number;
  }[];
}

/** Runs in the page. */
function record(): void {
  const deltas: number[] = [];
  const long: LongFrame[] = [];
  const slow: string[] = [];
  const observer = new PerformanceObserver((list) => {
    long.push(...(list.getEntries() as unknown as LongFrame[]).filter(({ scripts }) => scripts.length > 0));
  });
  observer.observe({ type: 'long-animation-frame' });
  let last = performance.now();
  let handle = 0;
  const next = (now: number): void => {
    deltas.push(now - last);
    last = now;
    handle = requestAnimationFrame(next);
  };
  handle = requestAnimationFrame(next);
  const stop = (): void => {
    cancelAnimationFrame(handle);
    observer.disconnect();
    const worst = long.toSorted((one, other) => other.duration - one.duration).slice(0, 3);
    for (const { duration, scripts } of worst) {
      const told = scripts.map((each) => `${each.invoker}@${each.sourceCharPosition} ${Math.round(each.duration)} ms`);
      slow.push(`${Math.round(duration)} ms: ${told.join(', ')}`);
    }
  };
  (globalThis as Recording).recorder = { deltas, slow, stop };
}

/** Runs in the page. */
function stopRecording(): Pick<Recorder, 'deltas' | 'slow'> {
  const { recorder } = globalThis as Recording;
  if (recorder === undefined) throw new Error('the page was loaded again while its frames were counted');
  recorder.stop();
  return { deltas: recorder.deltas, slow: recorder.slow };
}
