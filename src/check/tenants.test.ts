import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config } from '../config/config.ts';
import type { TenantConfig, TenantHome } from '../config/tenant-configs.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Chain } from './chain.ts';
import { tenants } from './tenants.ts';

const tenant = (name: string, home: TenantHome): TenantConfig => ({
  name,
  home,
  config: Config.parse({}),
  ownUrls: [],
  reconcileRate: 0,
  weight: 1,
});

/** @param answers of the running Tocsin, by path; undefined: none is asked */
function run(
  id: string,
  list: readonly TenantConfig[],
  answers?: Readonly<Record<string, string>>,
  by: 'path' | 'header' = 'path',
) {
  const tocsin = answers && {};
  const send = (_: string, path: string): Promise<object> => {
    const text = answers?.[path];
    return Promise.resolve({ status: text === 'OK' ? 200 : 503, body: Buffer.from(text ?? 'nobody') });
  };
  const chain = { source: { tocsin }, isSilent: false, tocsin: { send } } as unknown as Chain;
  const homeProblem = (home: TenantHome): Promise<string | undefined> =>
    Promise.resolve(home.home === 'folder' && home.folder === '/gone' ? '/gone: no such folder' : undefined);
  const { checks } = tenants({ list: () => list, homeProblem, by }, chain);
  const { signal } = new AbortController();
  return checks.find((check) => check.id === id)!.run({ clock: systemClock, signal });
}

const folder = (path: string): TenantHome => ({ home: 'folder', folder: path });

describe('the checks of tenants', () => {
  it('name the tenant whose home cannot be used', async () => {
    const found = await run('tenants-homes', [tenant('a', folder('/a')), tenant('b', folder('/gone'))]);
    assert.deepEqual(found, { is: 'problem', text: 'b: /gone: no such folder' });
    assert.deepEqual(await run('tenants-homes', [tenant('a', folder('/a'))]), { is: 'ok', told: ['1 tenants'] });
  });

  it('name those that write to the same pipelines', async () => {
    const list = [tenant('a', folder('/a')), tenant('b', { home: 'shared' }), tenant('c', folder('/a'))];
    const found = await run('tenants-apart', list);
    assert.match('text' in found ? found.text : '', /^a, c have the same pipelines/);
    assert.equal((await run('tenants-apart', list.slice(0, 2))).is, 'ok');
  });

  it('ask the running Tocsin for each, and tell few of many', async () => {
    const list = ['a', 'b(c)'].map((name) => tenant(name, folder(`/${name}`)));
    assert.equal((await run('tenants-ready', list, { '/a/-/ready': 'OK', '/b(c)/-/ready': 'OK' })).is, 'ok');
    const found = await run('tenants-ready', list, { '/a/-/ready': 'OK', '/b(c)/-/ready': 'cannot start' });
    assert.deepEqual(found, { is: 'problem', text: 'b(c): 503 cannot start' });
    const many = Array.from({ length: 15 }, (_, index) => tenant(`t${index}`, folder(`/${index}`)));
    const told = await run('tenants-ready', many, {});
    assert.match('text' in told ? told.text : '', /and 5 more$/);
  });

  it('ask nobody without a Tocsin, or by a header', async () => {
    assert.equal((await run('tenants-ready', [tenant('a', folder('/a'))])).is, 'skipped');
    assert.equal((await run('tenants-ready', [tenant('a', folder('/a'))], {}, 'header')).is, 'skipped');
  });
});
