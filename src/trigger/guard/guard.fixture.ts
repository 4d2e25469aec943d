import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { Causes } from '../../cause/causes.ts';
import type { Request } from '../../reconcile/ports.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import type { GuardedObject } from '../ports.ts';
import { triggerKey, type Trigger } from '../trigger.ts';
import { Pacing } from './run-guard.ts';
import type { ReleasedRun } from './release-decisions.ts';
import type { SharedGuard } from './shared-guard.ts';

export function testTrigger(name: string, overrides: Partial<Trigger> = {}): Trigger {
  const origin = 'AlertTrigger';
  return {
    origin,
    namespace: 'shop',
    name,
    key: triggerKey({ origin, namespace: 'shop', name }),
    generation: 1,
    matchers: [],
    inhibitedBy: [],
    targets: [],
    action: { do: 'log' },
    minIntervalMs: 0,
    mode: 'enforce',
    ...overrides,
  };
}

export function testObject(name: string): GuardedObject & { readonly uid: string } {
  return { request: { kind: 'Cluster', group: 'postgresql.cnpg.io', namespace: 'shop', name }, uid: `uid-of-${name}` };
}

export function firing(clock: FakeClock, ...alertnames: readonly string[]): Causes {
  const causes = new Causes();
  for (const alertname of alertnames) causes.addAlert(alertname, { labels: { alertname } }, 'firing', clock.now());
  return causes;
}

interface PacingSetup {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  readonly folder: string;
  readonly pacing: Pacing;
  /** By key; a test changes it. */
  readonly triggers: Map<string, Trigger>;
  readonly released: ReleasedRun[];
  /** The keys of triggers whose state has changed. */
  readonly observed: string[];
  /** Whether a changed trigger still chooses what is parked. */
  chooses: boolean;
  /** A process that starts after this one was killed: with the same triggers, clock and file. */
  killed(): Promise<PacingSetup>;
  /** A process that starts after this one has ended. */
  restarted(): Promise<PacingSetup>;
}

/** A guard that has started, on a folder of its own. */
export async function startPacing(
  t: Pick<TestContext, 'after'>,
  triggers: readonly Trigger[] = [],
  before?: Pick<PacingSetup, 'clock' | 'triggers' | 'folder'>,
  shared?: SharedGuard,
  ownClock?: FakeClock,
): Promise<PacingSetup> {
  const folder = before?.folder ?? mkdtempSync(join(tmpdir(), 'tocsin-guard-'));
  const clock = before?.clock ?? ownClock ?? new FakeClock();
  const byKey = before?.triggers ?? new Map(triggers.map((trigger) => [trigger.key, trigger]));
  const logger = new RecordingLogger();
  const registry = new Registry();
  const released: ReleasedRun[] = [];
  const observed: string[] = [];
  const pacing = new Pacing({
    shared,
    clock,
    logger,
    registry,
    folder,
    perSecond: () => 1000,
    triggers: () => byKey,
    observer: {
      changed: (key) => void observed.push(key),
    },
    release: (run) => void released.push(run),
    redecide: () => Promise.resolve(setup.chooses),
  });
  let isOpen = true;
  const close = async (): Promise<void> => {
    if (isOpen) await pacing.close();
    isOpen = false;
  };
  const setup: PacingSetup = {
    clock,
    logger,
    registry,
    folder,
    pacing,
    triggers: byKey,
    released,
    observed,
    chooses: true,
    killed: async () => {
      // A copy, because this process cannot be killed; what it has not written yet is not in it.
      const copy = mkdtempSync(join(tmpdir(), 'tocsin-guard-'));
      const file = fileOf(folder);
      if (file !== undefined) writeFileSync(join(copy, 'triggers.log'), file);
      await close();
      return startPacing(t, [], { clock, triggers: byKey, folder: copy });
    },
    restarted: async () => {
      await close();
      return startPacing(t, [], { clock, triggers: byKey, folder });
    },
  };
  t.after(async () => {
    await close();
    await rm(folder, { recursive: true, force: true });
  });
  await pacing.open();
  pacing.start();
  return setup;
}

function fileOf(folder: string): Buffer | undefined {
  try {
    return readFileSync(join(folder, 'triggers.log'));
  } catch {
    return undefined;
  }
}

/** One run of a trigger for an object, which writes. Returns the names of the alerts that it was made for; undefined if it is parked. */
export async function runOnce(
  { pacing, triggers }: Pick<PacingSetup, 'pacing' | 'triggers'>,
  trigger: string,
  object: GuardedObject,
  causes: Causes,
): Promise<readonly string[] | undefined> {
  const admission = await pacing.admit(triggers.get(trigger)!, object, causes);
  if (!admission.allowed) return undefined;
  await admission.permit.spend();
  admission.permit.end('written');
  return [...admission.permit.causes.alerts.keys()].toSorted();
}

export function objectOf(request: Request): GuardedObject {
  return testObject(request.name);
}
