import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { bundlePage } from '../../bundle/page.ts';
import { openIncident, startBrowser, startStagedIncident, type StagedIncident } from './browser.ts';

/** `npm run screenshots`: the pictures of the incident page in docs/page/, of an incident that is staged. */
const folder = fileURLToPath(new URL('../../docs/page/', import.meta.url));

const views: readonly (readonly [name: string, query: string])[] = [
  ['incident', ''],
  ['why', '?open=pipeline:MetricPipeline/shop'],
];

async function shoot(browser: Browser, incident: StagedIncident): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const)
    for (const [name, query] of views) {
      const options = { colorScheme, viewport: { width: 1200, height: 760 } };
      const { page } = await openIncident(browser, incident, query, options);
      // What fades in or turns.
      await page.waitForTimeout(500);
      await page.screenshot({ path: `${folder}${name}-${colorScheme}.png`, animations: 'disabled' });
      await page.context().close();
    }
}

await bundlePage(fileURLToPath(new URL('../../dist/page', import.meta.url)));
await mkdir(folder, { recursive: true });
const incident = await startStagedIncident();
try {
  const browser = await startBrowser();
  try {
    await shoot(browser, incident);
  } finally {
    await browser.close();
  }
} finally {
  await incident.stop();
}
