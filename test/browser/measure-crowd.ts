import { startBrowser } from './browser.ts';
import { measureCrowd, startCrowd } from './crowd.ts';

/** `measure-crowd.ts MAIN PIPELINES ALERTS SECONDS`: prints the figures as JSON. `npm run bench -- page` runs it. */
const [main = '', ...numbers] = process.argv.slice(2);
const [pipelines = 0, alerts = 0, seconds = 0] = numbers.map(Number);
const crowd = await startCrowd(pipelines, alerts, main);
try {
  const browser = await startBrowser();
  try {
    process.stdout.write(`${JSON.stringify(await measureCrowd(browser, crowd, seconds))}\n`);
  } finally {
    await browser.close();
  }
} finally {
  await crowd.stop();
}
