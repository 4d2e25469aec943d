import { setTimeout } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { writeManifests } from '../../bench/manifests.ts';
import { sampleBodies } from '../../bench/sample-alerts.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';
import { openPage } from './browser.ts';
import { framesWhile, type Frames } from './frames.ts';

/** A Tocsin with many pipelines and many alerts. */
export interface Crowd {
  readonly tocsin: TocsinProcess;
  /** Sends new alerts, this many a POST. */
  post(count: number, batch?: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startCrowd(pipelines: number, alerts: number, main?: string): Promise<Crowd> {
  const manifests = await writeManifests(pipelines);
  const args = [`--pipelines.folder=${manifests.folder}`];
  const tocsin = await startTocsin({ args, ...(main !== undefined && { main }) }).catch(async (error: unknown) => {
    await manifests.remove();
    throw error;
  });
  let sent = 0;
  const post = async (count: number, batch = 250): Promise<void> => {
    for (const body of sampleBodies({ mode: 'new', from: sent, count, batch, pass: 0 }))
      await fetch(`${tocsin.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body,
      });
    sent += count;
  };
  const stop = async (): Promise<void> => {
    await tocsin.stop();
    await manifests.remove();
  };
  await post(alerts);
  return { tocsin, post, stop };
}

export interface FirstView {
  /** From the navigation to the whole first answer, and from there to the first view; milliseconds. */
  readonly answerMs: number;
  readonly viewMs: number;
}

export interface CrowdFigures {
  readonly first: FirstView;
  /** By what happened. */
  readonly frames: Readonly<Record<string, Frames>>;
}

const lists = ['pipelines', 'alerts', 'facts'] as const;

/** Opens the page on a crowd, scrolls through each list, and lets alerts come in. */
export async function measureCrowd(browser: Browser, { tocsin, post }: Crowd, seconds: number): Promise<CrowdFigures> {
  const { page } = await openPage(browser, '');
  const pause = (): Promise<void> => setTimeout(seconds * 1000);
  const frames: Record<string, Frames> = {};
  // What the machine does to a page that does nothing.
  frames['an empty page'] = await framesWhile(page, pause);
  await page.goto(`${tocsin.url}/`);
  const first = await firstView(page);
  frames['the rest is loaded'] = await framesWhile(page, pause);
  for (const list of lists) {
    await page.goto(`${tocsin.url}/?list=${list}`);
    await firstView(page);
    frames[`scrolling, ${list}`] = await framesWhile(page, () => scroll(page, seconds));
  }
  for (const list of lists) {
    await page.goto(`${tocsin.url}/?list=${list}`);
    await firstView(page);
    frames[`20 new alerts/s, ${list}`] = await framesWhile(page, async () => {
      for (let tenth = 0; tenth < seconds * 10; tenth++) {
        await post(2);
        await setTimeout(100);
      }
    });
  }
  await page.context().close();
  return { first, frames };
}

async function firstView(page: Page): Promise<FirstView> {
  await page.waitForSelector('[data-ready=true]');
  const marks = await page.waitForFunction(() => {
    const at = (name: string): number | undefined => performance.getEntriesByName(name)[0]?.startTime;
    const [answer, view] = [at('tocsin:answer'), at('tocsin:first-view')];
    return answer === undefined || view === undefined ? undefined : { answer, view };
  });
  const { answer, view } = (await marks.jsonValue())!;
  return { answerMs: Math.round(answer), viewMs: Math.round(view - answer) };
}

/** As with a wheel: down, and up again. */
async function scroll(page: Page, seconds: number): Promise<void> {
  const { width, height } = page.viewportSize()!;
  await page.mouse.move(width / 2, height * 0.75);
  const steps = seconds * 30;
  for (let step = 0; step < steps; step++) {
    await page.mouse.wheel(0, step < steps / 2 ? 300 : -300);
    await setTimeout(1000 / 30);
  }
}
