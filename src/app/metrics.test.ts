import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createProcessMetrics } from './metrics.ts';

function newRegistry(): Registry {
  const registry = new Registry();
  createProcessMetrics(registry, { version: '1.2.3', droppedLogLines: () => 7 });
  return registry;
}

describe('createProcessMetrics', () => {
  it('reports the build', async () => {
    const line = `tocsin_build_info{version="1.2.3",node_version="${process.version}"} 1`;
    assert.ok((await newRegistry().metrics()).split('\n').includes(line));
  });

  it('counts the dropped lines of the log, once however often it is scraped', async () => {
    const registry = newRegistry();
    await registry.metrics();
    assert.match(await registry.metrics(), /^tocsin_log_lines_dropped_total 7$/m);
  });

  it('has the metrics of the process', async () => {
    const names = (await newRegistry().getMetricsAsJSON()).map(({ name }) => name);
    const wanted = ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_active_resources'];
    assert.deepEqual(
      wanted.filter((name) => !names.includes(name)),
      [],
    );
  });

  it('gives the names of counters to counters only', async () => {
    const metrics = await newRegistry().getMetricsAsJSON();
    const misnamed = metrics.filter(({ name, type }) => name.endsWith('_total') && String(type) !== 'counter');
    assert.deepEqual(misnamed, []);
  });
});
