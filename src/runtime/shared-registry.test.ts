import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { SharedRegistry } from './shared-registry.ts';

/** The metrics of one part, as a spine registers them. */
function metricsOf(registry: Registry, load: () => number) {
  const registers = [registry];
  const plain = new Counter({ registers, name: 'plain_total', help: 'x' });
  const labelled = new Counter({ registers, name: 'labelled_total', help: 'x', labelNames: ['kind'] });
  const one = labelled.labels('one');
  const seconds = new Histogram({ registers, name: 'seconds', help: 'x', buckets: [1, 2] });
  const byKind = new Histogram({ registers, name: 'kind_seconds', help: 'x', labelNames: ['kind'], buckets: [1] });
  new Gauge({
    registers,
    name: 'load',
    help: 'x',
    collect() {
      this.set(load());
    },
  });
  new Gauge({
    registers,
    name: 'worst',
    help: 'x',
    aggregator: 'max',
    collect() {
      this.set(load());
    },
  });
  new Gauge({
    registers,
    name: 'least',
    help: 'x',
    aggregator: 'min',
    collect() {
      this.set(load());
    },
  });
  return { plain, one, seconds, byKind };
}

const lines = async (registry: Registry): Promise<readonly string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('SharedRegistry', () => {
  it('counts what all parts count into the same series, and puts together what is read', async () => {
    const shared = new SharedRegistry();
    const [a, b] = [3, 5].map((load, index) => metricsOf(shared.part(String(index)), () => load));
    a!.plain.inc();
    b!.plain.inc(2);
    a!.one.inc();
    b!.one.inc();
    a!.seconds.observe(0.5);
    b!.seconds.observe(1.5);
    b!.byKind.observe({ kind: 'x' }, 0.5);
    const found = await lines(shared);
    for (const line of [
      'plain_total 3',
      'labelled_total{kind="one"} 2',
      'seconds_bucket{le="1"} 1',
      'seconds_bucket{le="2"} 2',
      'seconds_sum 2',
      'seconds_count 2',
      'kind_seconds_count{kind="x"} 1',
      'load 8',
      'worst 5',
      'least 3',
    ])
      assert.ok(found.includes(line), `${line}\n${found.join('\n')}`);
  });

  it('keeps what a closed part has counted, and forgets what it had', async () => {
    const shared = new SharedRegistry();
    const gone = shared.part('gone');
    metricsOf(gone, () => 3).plain.inc(4);
    metricsOf(shared.part('stays'), () => 5);
    gone.close();
    const found = await lines(shared);
    assert.ok(found.includes('plain_total 4'));
    assert.ok(found.includes('load 5'));
  });

  it('shows the parts side by side with a label', async () => {
    const shared = new SharedRegistry('tenant');
    const a = metricsOf(shared.part('a'), () => 3);
    metricsOf(shared.part('b'), () => 5);
    a.plain.inc();
    a.seconds.observe(0.5);
    const found = await lines(shared);
    for (const line of [
      'plain_total{tenant="a"} 1',
      'plain_total{tenant="b"} 0',
      'seconds_bucket{le="1",tenant="a"} 1',
      'seconds_count{tenant="b"} 0',
      'load{tenant="a"} 3',
      'load{tenant="b"} 5',
    ])
      assert.ok(found.includes(line), `${line}\n${found.join('\n')}`);
  });

  it('refuses one name twice in one part', () => {
    const part = new SharedRegistry().part('a');
    metricsOf(part, () => 1);
    assert.throws(() => metricsOf(part, () => 1), /already been registered/);
  });
});
