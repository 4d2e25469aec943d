import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import bcrypt from 'bcryptjs';
import type { Browser } from 'playwright-core';
import { bundlePage } from '../../bundle/page.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinOptions, type TocsinProcess } from '../support/tocsin-process.ts';
import { openPage, startBrowser } from './browser.ts';

/** With the first data on it. */
const ready = '[data-ready=true]';

async function start(test: TestContext, options: TocsinOptions = {}): Promise<TocsinProcess> {
  const tocsin = await startTocsin(options);
  test.after(() => tocsin.stop());
  return tocsin;
}

describe('the incident page in a real Chromium', { skip: skipWithout('chromium') }, () => {
  let browser: Browser;
  before(async () => {
    await bundlePage(join(import.meta.dirname, '../../dist/page'));
    browser = await startBrowser();
  });
  after(() => browser.close());

  it('loads without an error, keeps to its policy, and asks nobody else', async (test) => {
    const tocsin = await start(test);
    const { page, problems, origins } = await openPage(browser, `${tocsin.url}/`);
    await page.waitForSelector(ready);
    assert.match(await page.innerText('body'), /TracePipeline/);
    assert.deepEqual(problems, []);
    assert.deepEqual([...origins], [tocsin.url]);
  });

  it('loads behind a password and below a route prefix, and from the prefix without its slash', async (test) => {
    const webConfig = `basic_auth_users: {ann: "${bcrypt.hashSync('secret', 4)}"}`;
    const tocsin = await start(test, { routePrefix: '/am/x', webConfig });
    assert.equal((await fetch(`${tocsin.url}/`)).status, 401);
    const { origin } = new URL(tocsin.url);
    for (const url of [`${tocsin.url}/`, tocsin.url, `${origin}/`]) {
      const httpCredentials = { username: 'ann', password: 'secret' };
      const { page, problems, origins } = await openPage(browser, url, { httpCredentials });
      await page.waitForSelector(ready);
      assert.equal(new URL(page.url()).pathname, '/am/x/');
      assert.match(await page.innerText('body'), /TracePipeline/);
      assert.deepEqual([problems, [...origins]], [[], [origin]]);
      await page.context().close();
    }
  });

  it('cannot be framed, and its actions cannot be used, by a page of another origin', async (test) => {
    const tocsin = await start(test);
    const foreign = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<p>foreign'));
    foreign.listen(0, 'localhost');
    await once(foreign, 'listening');
    test.after(() => foreign.close());
    const { page, problems } = await openPage(browser, `http://localhost:${(foreign.address() as AddressInfo).port}/`);
    await page.evaluate(attack, tocsin.url);
    assert.equal(page.frames().length, 2);
    assert.equal(await page.frames()[1]!.evaluate(() => document.querySelector('main')), null);
    assert.match(problems.join('\n'), /frame-ancestors 'none'/);
    assert.equal(tocsin.log.all.filter(({ event }) => event === 'request.unauthorized').length, 6);
    assert.deepEqual(await (await fetch(`${tocsin.url}/api/v2/silences`)).json(), []);
    assert.deepEqual(await (await fetch(`${tocsin.url}/api/v2/alerts`)).json(), []);
    await page.context().close(); // a connection that the browser holds in reserve would keep Tocsin from ending for seconds
  });
});

/** Everything that a page elsewhere can try: requests with a body that needs no question before, forms, and a frame. */
async function attack(url: string): Promise<void> {
  const silence = {
    matchers: [{ name: 'alertname', value: '.+', isRegex: true }],
    startsAt: '2026-01-01T00:00:00Z',
    endsAt: '2099-01-02T00:00:00Z',
    createdBy: 'evil',
    comment: 'evil',
  };
  const bodies = [
    ['/api/tocsin/v1/reconcile', { all: true }],
    ['/api/v2/silences', silence],
    ['/api/v2/alerts', [{ labels: { alertname: 'Evil' } }]],
    ['/webhook', { version: '4', status: 'firing', alerts: [{ status: 'firing', labels: { alertname: 'Evil' } }] }],
    ['/-/reload', {}],
  ] as const;
  for (const [path, body] of bodies) {
    const init = { method: 'POST', body: JSON.stringify(body) };
    await fetch(url + path, { ...init, mode: 'no-cors', credentials: 'include' });
    // A type of JSON asks first, and is not allowed.
    await fetch(url + path, { ...init, headers: { 'Content-Type': 'application/json' } }).catch(() => undefined);
  }
  const form = document.createElement('form');
  const loads = (element: HTMLElement): Promise<unknown> =>
    new Promise((resolve) => element.addEventListener('load', resolve, { once: true }));
  const target = document.createElement('iframe');
  target.name = 'target';
  document.body.append(target, form);
  Object.assign(form, {
    action: `${url}/api/tocsin/v1/reconcile`,
    method: 'post',
    enctype: 'text/plain',
    target: 'target',
  });
  const sent = loads(target);
  form.submit();
  await sent;
  const framed = loads(target);
  target.src = `${url}/`;
  await framed;
}
