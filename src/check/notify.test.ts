import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Config } from '../config/config.ts';
import { FakeAlertmanager } from '../notify/fake-alertmanager.fixture.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Outcome } from './check.ts';
import { notify } from './notify.ts';

const inFile = { folder: false, kubernetes: false };

/** The outcomes of all checks, in order; or why the category does not apply. */
async function outcomes(...urls: readonly string[]): Promise<readonly Outcome[] | string> {
  const config = Config.parse({ notify: { alertmanagers: urls.map((url) => ({ url })) } });
  const load = () => ({ config, inFile, text: '', pipelinesFolderGiven: false });
  const category = notify({ load, version: '1.2.3' });
  const found: Outcome[] = [];
  const attempt = { clock: systemClock, signal: new AbortController().signal };
  const whyNot = await category.whyNot?.();
  if (whyNot !== undefined) return whyNot;
  for (const check of category.checks) found.push(await check.run(attempt));
  return found;
}

async function alertmanagerWith(t: TestContext, ...silencedBy: readonly string[]): Promise<FakeAlertmanager> {
  const alertmanager = await FakeAlertmanager.start(t);
  alertmanager.body = JSON.stringify([{ receivers: [{ name: 'slack' }], status: { silencedBy } }]);
  return alertmanager;
}

describe('the category notify', () => {
  it('does not apply without an Alertmanager', async () => {
    assert.equal(await outcomes(), 'notify.alertmanagers is empty, or no --config.file is given');
  });

  it('tells the receivers of each Alertmanager', async (t) => {
    const [one, other] = [await alertmanagerWith(t), await alertmanagerWith(t)];
    const found = await outcomes(one.url, other.url);
    assert.deepEqual(found, [
      { is: 'ok', told: [`${one.url} gives it to slack`, `${other.url} gives it to slack`] },
      { is: 'ok' },
    ]);
  });

  it('names each Alertmanager that takes no alert, and the silences of the others', async (t) => {
    const [refusing, silencing] = [await alertmanagerWith(t), await alertmanagerWith(t, 's1', 's2')];
    refusing.status = 401;
    const [taken, silenced] = (await outcomes(silencing.url, refusing.url)) as readonly Outcome[];
    assert.ok(taken?.is === 'problem' && silenced?.is === 'problem');
    assert.match(
      taken.text,
      new RegExp(`^Alertmanager at ${refusing.url} answered 401 .*notify\\.alertmanagers\\.1\\.http_config$`),
    );
    assert.match(silenced.text, new RegExp(`: s1, s2 at ${silencing.url}; expire it`));
  });

  it('has nothing to say of silences where no Alertmanager has the alert', async (t) => {
    const refusing = await alertmanagerWith(t);
    refusing.status = 500;
    const found = await outcomes(refusing.url);
    assert.deepEqual(
      (found as readonly Outcome[]).map(({ is }) => is),
      ['problem', 'skipped'],
    );
  });
});
