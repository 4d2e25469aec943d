import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Registry } from 'prom-client';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { labelKey } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import type { CauseStatus } from '../cause/cause.ts';
import { Config } from '../config/config.ts';
import type { AlertSnapshot, AlertSource } from '../reconcile/ports.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { ownParts, type StageOptions } from './app-options.ts';
import { FakeHome } from './fake-home.fixture.ts';
import { Reconciling } from './reconciling.ts';

export interface TriggersBench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly home: FakeHome;
  readonly reconciling: Reconciling;
  readonly registry: Registry;
  readonly urgent: UrgentSignals;
  /** The alerts that fire. */
  readonly firing: Map<string, LabelSet>;
  /** Set while Prometheus cannot be asked. */
  failure: Error | undefined;
  /** Prometheus answers when this has settled. */
  held: Promise<void> | undefined;
  /** The alerts that are still pushed as firing, for a minute; undefined: they keep nothing. */
  pushed: readonly LabelSet[] | undefined;
  /** An alert begins or ends, and is pushed. */
  alert(labels: LabelSet, status?: CauseStatus): void;
  /** Lets all that is under way end. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

/** Everything between events and writes, as the program connects it, with objects, alerts and a clock of the test. */
export async function triggersBench(
  t: Pick<TestContext, 'after'>,
  triggers: object = {},
  before?: { readonly home: FakeHome; readonly folder: string; readonly clock: FakeClock },
): Promise<TriggersBench & { readonly folder: string }> {
  const folder = before?.folder ?? mkdtempSync(join(tmpdir(), 'tocsin-triggers-'));
  const clock = before?.clock ?? new FakeClock();
  const home = before?.home ?? new FakeHome();
  home.restart();
  const logger = new RecordingLogger();
  const config = Config.parse({
    triggers,
    controller: { resync: 0, max_concurrent_reconciles: 64 },
    storm: { objects: 1_000_000 },
  });
  const given = {
    config,
    clock,
    logger,
    storagePath: folder,
    version: '0',
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: () => home.home,
  };
  const options: StageOptions = { ...given, ...ownParts(given), config: () => config };
  const firing = new Map<string, LabelSet>();
  const bench: Pick<TriggersBench, 'failure' | 'held' | 'pushed'> = {
    failure: undefined,
    held: undefined,
    pushed: undefined,
  };
  const alerts: AlertSource = {
    pulls: true,
    get pushed() {
      if (bench.pushed === undefined) return undefined;
      const { pushed } = bench;
      const snapshot = async (takenAt: number): Promise<AlertSnapshot> => ({
        takenAt,
        firing: FiringAlerts.of(pushed),
      });
      return { graceMs: 60_000, snapshot };
    },
    snapshot: async () => {
      await bench.held;
      if (bench.failure !== undefined) throw bench.failure;
      return { takenAt: clock.now(), firing: FiringAlerts.of(firing.values()) };
    },
  };
  const verdicts = { reached: () => undefined, gone: () => undefined };
  const reconciling = new Reconciling({
    options,
    home: home.home,
    alerts,
    requiredRules: () => undefined,
    verdicts,
  });
  await reconciling.triggers.open();
  reconciling.source.start();
  reconciling.triggers.ready();
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await reconciling.source.stop();
    await reconciling.triggers.close();
    await reconciling.controller.stop(1000);
    await reconciling.triggers.closeGuard();
  };
  t.after(async () => {
    await stop();
    await rm(folder, { recursive: true, force: true });
  });
  return Object.assign(bench, {
    clock,
    logger,
    home,
    reconciling,
    registry: options.registry,
    urgent: options.urgent,
    firing,
    folder,
    alert: (labels: LabelSet, status: CauseStatus = 'firing') => {
      if (status === 'firing') firing.set(labelKey(labels), labels);
      else firing.delete(labelKey(labels));
      const causes = new Causes();
      causes.addAlert(labelKey(labels), { labels }, status, clock.now());
      causes.addRequestId(`request-${labels['alertname'] ?? ''}`);
      reconciling.source.put(causes);
    },
    settle: async () => {
      const isBusy = (): boolean => {
        const { running, waiting } = reconciling.controller.load;
        return running + waiting > 0;
      };
      // The debouncer's longest wait, and the gathering of changed triggers; a run may wait for the disk besides.
      for (let step = 0; step < 30; step++) {
        await clock.advanceAsync(100);
        for (let turn = 0; turn < 50_000 && isBusy(); turn++) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    stop,
  });
}
