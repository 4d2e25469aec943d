import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { bundlePage } from '../../bundle/page.ts';
import { skipWithout } from '../support/servers.ts';
import { axeViolations, openIncident, startBrowser, startStagedIncident, type StagedIncident } from './browser.ts';

interface View {
  readonly what: string;
  readonly query?: string;
  /** What somebody does to see it. */
  readonly act?: (page: Page) => Promise<void>;
  /** True if Tocsin refuses to answer, and the console of the browser says so. */
  readonly isRefused?: boolean;
}

const lists = ['pipelines', 'alerts', 'facts', 'payloads', 'silences'];

/** Opens what the first row of a list is about. */
function openFirst(list: string): View {
  const act = async (page: Page): Promise<void> => {
    await page.getByRole('table').getByRole('row').nth(1).getByRole('link').first().click();
    await page.getByRole('complementary').getByRole('heading', { level: 3 }).first().waitFor();
  };
  return { what: `what is open, of ${list}`, query: `?list=${list}`, act };
}

function dialog(button: string): View {
  const act = async (page: Page): Promise<void> => {
    await page.getByRole('button', { name: button }).click();
    await page.getByRole('dialog').waitFor();
  };
  return { what: `the dialog of ${button}`, act };
}

const views: readonly View[] = [
  ...lists.map((list) => ({ what: `the list of ${list}`, query: `?list=${list}` })),
  { what: 'the list of facts, with every step', query: '?list=facts&steps=1' },
  { what: 'a list with nothing in it', query: '?name=nothing' },
  { what: 'a matcher that is none', query: '?alert=%3D%3D', isRefused: true },
  ...lists.map(openFirst),
  {
    what: 'a run',
    query: '?open=pipeline:LogPipeline/fluent-bit',
    act: async (page) => {
      await page.getByRole('link', { name: 'The whole story' }).click();
      await page.getByRole('heading', { name: /^Run / }).waitFor();
      await page.getByRole('complementary').getByRole('heading', { level: 3 }).first().waitFor();
    },
  },
  ...['Silence…', 'Reconcile all…', 'Test alert…', 'Keys'].map(dialog),
];

/** What may differ between light and dark. */
const ofColours = ['color-contrast', 'link-in-text-block'];

describe('every view of the incident page', { skip: skipWithout('chromium') }, () => {
  let browser: Browser;
  let incident: StagedIncident;
  before(async () => {
    await bundlePage(join(import.meta.dirname, '../../dist/page'));
    [browser, incident] = await Promise.all([startBrowser(), startStagedIncident()]);
  });
  after(async () => {
    await browser.close();
    await incident.stop();
  });

  for (const { what, query, act, isRefused = false } of views)
    it(`${what}: axe finds no violation, in light and dark and in 360 pixels, and these are enough`, async () => {
      const { page, problems } = await openIncident(browser, incident, query, { reducedMotion: 'reduce' });
      await act?.(page);
      assert.deepEqual(await axeViolations(page), [], 'light');
      await page.emulateMedia({ colorScheme: 'dark' });
      assert.deepEqual(await axeViolations(page, ofColours), [], 'dark');
      await page.setViewportSize({ width: 360, height: 740 });
      assert.deepEqual(await axeViolations(page), [], 'narrow');
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
      assert.equal(problems.length > 0, isRefused, problems.join('\n'));
      await page.context().close();
    });

  it('would be found by axe if it had one', async () => {
    const { page } = await openIncident(browser, incident);
    await page.evaluate(() => {
      const image = document.createElement('img');
      const text = document.createElement('p');
      text.textContent = 'pale';
      text.style.color = '#eee';
      text.style.background = '#fff';
      document.querySelector('main')?.append(image, text);
    });
    const found = await axeViolations(page);
    assert.match(found.join('\n'), /image-alt/);
    assert.match(found.join('\n'), /color-contrast/);
  });
});
