import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Config } from './config.ts';
import { configChange as compare, liveKeys, type ConfigChange } from './live-keys.ts';
import { keyPaths, keysAt } from './settings/setting.ts';

const defaults = Config.parse({});
const inFile = { folder: false, kubernetes: false };

function configChange(running: Config, next: Config): ConfigChange {
  return compare({ config: running, inFile }, { config: next, inFile });
}

describe('configChange', () => {
  it('takes the new values of live keys, and keeps the others, and names both', () => {
    const next = Config.parse({
      receiver: { max_alerts: 5, max_header_size: '32KiB' },
      source: { debounce: { wait: '1s' }, select: 'labels' },
      pipelines: { folder: 'elsewhere' },
    });
    const { config, changed, needRestart } = configChange(defaults, next);
    assert.deepEqual(changed, ['receiver.max_alerts', 'source.debounce.wait', 'source.select']);
    assert.deepEqual(needRestart, ['receiver.max_header_size', 'pipelines.folder']);
    assert.deepEqual([config.receiver.max_alerts, config.source.debounce], [5, { wait: 1000, max_wait: 1000 }]);
    assert.deepEqual([config.receiver.max_header_size, config.pipelines], [16 * 1024, defaults.pipelines]);
  });

  it('finds nothing to do where nothing has changed', () => {
    const file = {
      prometheus: { http_config: { basic_auth: { password: 'a' }, http_headers: { A: { secrets: ['b'] } } } },
    };
    const running = Config.parse(file);
    const change = configChange(running, Config.parse(file));
    assert.deepEqual([change.changed, change.needRestart], [[], []]);
    assert.deepEqual(change.config, running);
  });

  it('names a home of the pipelines that comes or goes, whatever its values', () => {
    const before = { config: defaults, inFile };
    for (const key of ['folder', 'kubernetes'] as const) {
      const after = { config: defaults, inFile: { ...inFile, [key]: true } };
      assert.deepEqual(compare(before, after).needRestart, [`pipelines.${key}`]);
      assert.deepEqual(compare(after, before).needRestart, [`pipelines.${key}`]);
      assert.deepEqual(compare(after, after).needRestart, []);
    }
    const elsewhere = { config: Config.parse({ pipelines: { folder: 'x' } }), inFile: { ...inFile, folder: true } };
    assert.deepEqual(compare(before, elsewhere).needRestart, ['pipelines.folder']);
  });

  it('sees that a secret has changed, and does not show it', () => {
    const of = (secret: string) =>
      Config.parse({
        prometheus: { http_config: { basic_auth: { password: secret }, http_headers: { A: { secrets: [secret] } } } },
      });
    const { config, changed } = configChange(of('s3cret-1'), of('s3cret-2'));
    assert.deepEqual(changed, ['prometheus.http_config.basic_auth.password', 'prometheus.http_config.http_headers']);
    assert.equal(config.prometheus.http_config.basic_auth.password?.reveal(), 's3cret-2');
    assert.doesNotMatch(JSON.stringify({ config, changed }), /s3cret/);
  });

  it('has only live keys that there are', () => {
    const known = keyPaths(Config).map((path) => path.join('.'));
    assert.deepEqual(
      liveKeys.filter((key) => !known.includes(key)),
      [],
    );
  });

  it('leaves out no key that docs/configuration.md does not name among those that need a restart', async () => {
    const page = await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    const named = /These need a restart: ([^]*?) and the flags\./.exec(page)?.[1] ?? '';
    const keys = keyPaths(Config).filter((path) => keysAt(Config, path) === undefined);
    const restart = keys
      .map((path) => path.join('.'))
      .filter((key) => !liveKeys.some((live) => key === live || key.startsWith(`${live}.`)))
      .map((key) => key.replace(/^(pipelines|replicas)\..*/, '$1.*'));
    const expected = [...named.matchAll(/`([^`]+)`/g)].map(([, key]) => key!);
    assert.deepEqual([...new Set(restart)].toSorted(), expected.toSorted());
  });

  it('gives the new configuration, but for the keys that need a restart', () => {
    const counts = fc.record({
      max_alerts: fc.integer({ min: 1, max: 3 }),
      max_connections: fc.integer({ min: 1, max: 3 }),
      max_header_size: fc.constantFrom('1KiB', '2KiB'),
    });
    fc.assert(
      fc.property(counts, counts, (before, after) => {
        const [running, next] = [Config.parse({ receiver: before }), Config.parse({ receiver: after })];
        const { config, changed, needRestart } = configChange(running, next);
        const { max_header_size } = running.receiver;
        assert.deepEqual(config, { ...next, receiver: { ...next.receiver, max_header_size } });
        assert.equal(needRestart.length, before.max_header_size === after.max_header_size ? 0 : 1);
        const expected =
          Number(before.max_alerts !== after.max_alerts) + Number(before.max_connections !== after.max_connections);
        assert.equal(changed.length, expected);
      }),
    );
  });
});
