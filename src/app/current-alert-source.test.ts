import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { eventually } from '../runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../prometheus/fake-prometheus.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { AlertStore } from '../alert/alert-store.ts';
import { CurrentAlertSource } from './current-alert-source.ts';
import { systemClock } from '../runtime/clock.ts';
import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const { signal } = new AbortController();

describe('CurrentAlertSource', () => {
  it('is the received alerts without a Prometheus, before it is configured and after it is removed', async (t) => {
    const { source, use, registry, prometheus } = await setUp(t);
    assert.equal(source.pulls, false);
    assert.match(await registry.metrics(), /^tocsin_prometheus_queries_total\{result="success"\} 0$/m);

    use(withUrl(prometheus.url));
    assert.equal(source.pulls, true);
    await source.snapshot(0, [], signal);
    assert.equal(prometheus.queries(), 1);

    use(withUrl(null));
    assert.equal(source.pulls, false);
    await source.snapshot(0, [], signal);
    assert.equal(prometheus.queries(), 1);
  });

  it('gives callers that asked an earlier Prometheus its answer', async (t) => {
    const { source, use, prometheus } = await setUp(t);
    use(withUrl(prometheus.url));
    prometheus.hang();
    const asked = source.snapshot(0, [], signal);
    await eventually(
      () => Promise.resolve(prometheus.queries()),
      (queries) => queries === 1,
    );
    use(withUrl(null));
    prometheus.answer([{ labels: { alertname: 'A' }, state: 'firing' }]);
    const { firing } = await asked;
    assert.equal(await firing.reports({ alertname: 'A' }), true);
  });
});

async function setUp(t: TestContext): Promise<{
  source: CurrentAlertSource;
  use: (next: Config) => void;
  registry: Registry;
  prometheus: FakePrometheus;
}> {
  const prometheus = await startFakePrometheus();
  const registry = new Registry();
  const store = new AlertStore(() => ({ maxAlerts: 10, maxBytes: 100_000, resolveTimeoutMs: 300_000 }));
  let config = withUrl(null);
  const source = new CurrentAlertSource({
    config: () => config,
    store,
    registry,
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
    logger: new RecordingLogger(),
    version: 'test',
  });
  t.after(async () => {
    source.close();
    await prometheus.stop();
  });
  const use = (next: Config): void => {
    config = next;
    source.reconfigure();
  };
  return { source, use, registry, prometheus };
}

function withUrl(url: string | null): Config {
  return Config.parse({ prometheus: { url } });
}

describe('CurrentAlertSource, pushed alerts', () => {
  it('may keep a verdict for the grace if a Prometheus is asked, and not if the pushes decide themselves', async (t) => {
    const { source, use, prometheus } = await setUp(t);
    const pushed = () => source.pushed;
    const useGrace = (heal_grace: string): void =>
      use(Config.parse({ prometheus: { url: prometheus.url, heal_grace } }));
    assert.equal(pushed(), undefined);
    useGrace('3s');
    assert.equal(pushed()?.graceMs, 3000);
    assert.equal((await pushed()?.snapshot(0, signal))?.firing.size, 0);
    useGrace('0s');
    assert.equal(pushed(), undefined);
  });
});
