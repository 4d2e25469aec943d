import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import axe from 'axe-core';
import { fileURLToPath } from 'node:url';
import { startChild } from '../support/child-process.ts';
import { requireServer } from '../support/servers.ts';

/** It asks nobody on the network by itself, whatever else this machine may reach. */
const quiet = [
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/** A real Chromium without a window. Close it after the test. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: requireServer('chromium'), args: [...quiet] });
}

export interface WatchedPage {
  readonly page: Page;
  /** Everything that went wrong in it: errors in the console or uncaught, violations of the policy, requests that failed. */
  readonly problems: string[];
  /** The origins that it asked for anything. */
  readonly origins: ReadonlySet<string>;
}

/**
 * A page in a window of its own, with everything that it does wrong. Its window closes with the browser.
 * @param url '' leaves it empty
 */
export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  const origins = new Set<string>();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`uncaught: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith('data:')) origins.add(new URL(request.url()).origin);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} ${response.url()}`);
  });
  await page.exposeFunction('tellViolation', (told: string) => problems.push(`policy: ${told}`));
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
      (globalThis as unknown as { tellViolation(told: string): void }).tellViolation(
        `${violatedDirective} ${blockedURI} ${sample}`,
      ),
    );
  });
  if (url !== '') await page.goto(url);
  return { page, problems, origins };
}

/**
 * The violations of WCAG and of good practice that axe finds in what the page shows now, a line each.
 * @param rules only those of these rules; default: of all that axe does not leave out by itself
 */
export async function axeViolations(page: Page, rules: readonly string[] = []): Promise<string[]> {
  // As an expression of the debugger: the page's own policy forbids every script that is not its own.
  await page.evaluate(`if (!globalThis.axe) { ${axe.source} }; undefined`);
  const options: axe.RunOptions = { resultTypes: ['violations'], ...(rules.length > 0 && { runOnly: [...rules] }) };
  const { violations } = await page.evaluate(
    (given) => (globalThis as unknown as { axe: typeof axe }).axe.run(document, given),
    options,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary = '' }) =>
        `${id} (${help}): ${target.join(' ')}: ${failureSummary.replaceAll('\n', ' ')}`,
    ),
  );
}

export interface StagedIncident {
  readonly url: string;
  /** The time there, which stands still. */
  readonly now: number;
  stop(): Promise<unknown>;
}

/** A Tocsin with an hour of trouble behind it, in a process of its own. */
export async function startStagedIncident(): Promise<StagedIncident> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = await startChild({
    name: 'the staged incident',
    command: process.execPath,
    args: [fileURLToPath(new URL('../support/staged-incident.ts', import.meta.url))],
    onLine: (line) => line.startsWith('ready ') && resolve(line),
  });
  void child.exited.then(() => reject(new Error(`the incident was not staged:\n${child.recentOutput()}`)));
  const [, url = '', now] = (await promise).split(' ');
  return { url, now: Number(now), stop: () => child.stop() };
}

/** A page of the incident, at whose end the clock of the browser stands, too. */
export async function openIncident(
  browser: Browser,
  { url, now }: StagedIncident,
  query = '',
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const opened = await openPage(browser, '', { timezoneId: 'Europe/Berlin', ...options });
  const { page } = opened;
  await page.clock.setFixedTime(now);
  // The page follows the clock of Tocsin by this header, which Node writes by the clock of the machine.
  const date = new Date(now).toUTCString();
  await page.route(/\/api\/(?!.*\/live)/, async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), date } });
  });
  await page.goto(`${url}/${query}`);
  await page.waitForSelector('[data-ready=true]');
  return opened;
}
