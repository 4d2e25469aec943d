import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { temporaryFolder } from '../../src/runtime/temporary-folder.fixture.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const objects = 90;

const config = `
source: {debounce: {wait: 0s, max_wait: 1ms}}
storm: {objects: 50, rate: 20}
triggers:
  default: never
  list:
    - name: shards
      matchers: [alertname="ShardSlow"]
      targets: [{apiVersion: shop.example/v1, kind: Shard, namespace: shop, name: 'shard-{{ labels.shard }}'}]
      action: {log: {}}
`;

const manifest = (name: string): string =>
  `{apiVersion: shop.example/v1, kind: Shard, metadata: {name: ${name}, namespace: shop}}\n`;

describe('a storm', () => {
  it('goes out at its rate, the worst first, is told, and ends by hand', async (t) => {
    const folder = await temporaryFolder(t, 'tocsin-storm');
    await mkdir(join(folder, 'pipelines'));
    const manifests = Array.from({ length: objects }, (_, index) => `---\n${manifest(`shard-${index}`)}`);
    await writeFile(join(folder, 'pipelines', 'shards.yaml'), manifests.join(''));
    const tocsin = await startTocsin({ config, args: [`--pipelines.folder=${join(folder, 'pipelines')}`] });
    try {
      const alerts = Array.from({ length: objects }, (_, shard) => ({
        labels: { alertname: 'ShardSlow', shard: String(shard), severity: shard < 70 ? 'warning' : 'critical' },
      }));
      await postAlerts(tocsin.url, alerts);
      const storm = await tocsin.log.waitForLine(({ event }) => event === 'trigger.storm');
      assert.equal(storm['level'], 'warn');
      const statusOf = async (): Promise<{ readonly storm?: { readonly waiting: number } }> =>
        (await (await fetch(`${tocsin.url}/api/tocsin/v1/status`)).json()) as never;
      await eventually(statusOf, (status) => (status.storm?.waiting ?? 0) < 75);
      const fired = () => tocsin.log.all.filter(({ event }) => event === 'trigger.fired');
      const first = fired()
        .slice(0, 15)
        .map(({ name }) => Number((name as string).slice('shard-'.length)));
      assert.ok(first.length >= 15 && first.every((shard) => shard >= 70), String(first));
      const { code, stdout } = await runTocsin(['resume', `--url=${tocsin.url}`]);
      assert.equal(code, 0);
      assert.match(stdout, /^\d+ runs go out now\n$/);
      await eventually(fired, (lines) => lines.length >= objects);
      assert.equal((await statusOf()).storm, undefined);
    } finally {
      await tocsin.stop();
    }
  });
});
