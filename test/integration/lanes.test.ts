import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { prometheusPrograms, startPrometheus } from '../support/prometheus-server.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';

interface PrometheusConfig {
  readonly alerting: { readonly alert_relabel_configs: readonly object[] };
}

/** The relabelling of an example in docs/lanes.md, by the comment that begins it. */
async function relabelling(title: string): Promise<readonly object[]> {
  const text = await readFile(new URL('../../docs/lanes.md', import.meta.url), 'utf8');
  const example = [...text.matchAll(/```yaml\n(.*?)```/gs)].find(([, body]) => body!.startsWith(`# ${title}\n`));
  assert.ok(example !== undefined, `docs/lanes.md has an example "${title}"`);
  return (parse(example[1]!) as PrometheusConfig).alerting.alert_relabel_configs;
}

/** Rules whose authors set the label as they like. */
const rules = `
groups:
  - name: all
    rules:
      - { alert: Claims, expr: vector(1), labels: { namespace: shop, openshift_io_alert_source: platform } }
      - { alert: Etcd, expr: vector(1), labels: { namespace: openshift-etcd } }
      - { alert: Plain, expr: vector(1), labels: { namespace: shop } }
`;

describe('docs/lanes.md, with a real Prometheus', { skip: skipWithout(prometheusPrograms['3.15']) }, () => {
  const cases: readonly (readonly [title: string, ofPlatform: readonly string[]])[] = [
    ['prometheus.yml of the platform', ['Claims', 'Etcd', 'Plain']],
    ['prometheus.yml of the users', []],
    ['prometheus.yml for both', ['Etcd']],
  ];
  for (const [title, ofPlatform] of cases)
    it(`lets ${title} decide which alerts go first`, async () => {
      const tocsin = await startTocsin({ args: ['--log.level=debug'] });
      const prometheus = await startPrometheus({
        rules,
        alertmanagers: [new URL(tocsin.url).host],
        alertRelabelConfigs: await relabelling(title),
        resendDelay: '1s',
      });
      try {
        const lanes = new Map<string, unknown>();
        await tocsin.log.waitForLine((line) => {
          if (line.event === 'causes.named')
            for (const { alertname } of line['alerts'] as { alertname: string }[])
              lanes.set(alertname, laneOf(tocsin.log.all, String(line['causes_id'])));
          return lanes.size === 3;
        }, 30_000);
        const first = [...lanes].filter(([, lane]) => lane === 'platform').map(([alertname]) => alertname);
        assert.deepEqual(first.toSorted(), ofPlatform);
        const priority = ofPlatform.length > 0 ? 'platform' : 'alert';
        await tocsin.log.waitForLine((line) => line.event === 'reconcile.started' && line['priority'] === priority);
      } finally {
        await Promise.allSettled([prometheus.stop(), tocsin.stop()]);
      }
    });
});

function laneOf(lines: readonly { readonly event: string; readonly [field: string]: unknown }[], id: string): unknown {
  return lines.find((line) => line.event === 'event.emitted' && line['event_id'] === id)?.['lane'];
}
