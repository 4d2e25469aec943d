import { AlertStore } from '../src/alert/alert-store.ts';
import { systemClock } from '../src/runtime/clock.ts';
import { SliceSchedule, Slices } from '../src/runtime/slices.ts';
import { AlertIntake } from '../src/receiver/intake/alert-intake.ts';
import { readBatch } from '../src/receiver/intake/batch.ts';
import { Causes } from '../src/cause/causes.ts';
import { PlatformAlerts } from '../src/cause/platform-alerts.ts';
import { parseMatcher } from '../src/matcher/parse-matcher.ts';
import { sampleBodies, type IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import type { Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];
const batch = 64;
/** The default of `lanes.platform`. */
const platform = new PlatformAlerts([parseMatcher('openshift_io_alert_source="platform"')]);

/** The cost of a POST without HTTP: Tocsin's own part of the budget, beside JSON.parse of the same bodies. */
export const intake: Section = {
  name: 'intake',
  title: 'Intake without HTTP: CPU µs per alert, in POSTs of 64, in one process',
  async run({ quick }) {
    const count = quick ? 10_000 : 40_000;
    const rounds = quick ? 2 : 5;
    const measured = new Map<string, number[]>();
    for (let round = -2; round < rounds; round++) {
      for (const [what, cpuMicroseconds] of await measure(count)) {
        // The first two rounds are a warm-up.
        if (round >= 0) measured.set(what, [...(measured.get(what) ?? []), cpuMicroseconds / count]);
      }
    }
    return { rows: [...measured].map(([what, values]) => row(what, values)), raw: [...measured] };
  },
};

/** A fresh store takes in the same alerts: new, again, and resolved. */
async function measure(count: number): Promise<readonly (readonly [what: string, cpuMicroseconds: number])[]> {
  const store = new AlertStore(() => ({ maxAlerts: count, maxBytes: 1e9, resolveTimeoutMs: 300_000 }));
  const measured: (readonly [string, number])[] = [];
  for (const [pass, mode] of modes.entries()) {
    const bodies = sampleBodies({ mode, from: 0, count, batch, pass }).map((body) => Buffer.from(body));
    measured.push([mode, await cpuOf(() => takeAll(bodies, store))]);
    if (mode === 'new') measured.push(['JSON.parse alone', await cpuOf(() => parseAll(bodies))]);
  }
  return measured;
}

/** Works like the handler: reads, stores, collects the causes, merges them into the waiting ones. */
async function takeAll(bodies: readonly Buffer[], store: AlertStore): Promise<void> {
  const schedule = new SliceSchedule(systemClock);
  const waiting = new Causes();
  for (const body of bodies) {
    const { characterBytes, forEach } = await readBatch(body, 4096, new Slices(schedule, 'bodies'), store);
    const taking = new AlertIntake({
      store,
      repeats: 'trigger',
      platform,
      silencing: () => [],
      now: systemClock.now(),
      characterBytes,
      nameOf: String,
      onTransition: () => undefined,
    });
    await forEach((alert) => taking.add(alert));
    waiting.absorb(taking.causes.user);
  }
}

function parseAll(bodies: readonly Buffer[]): Promise<void> {
  for (const body of bodies) JSON.parse(body.toString('utf8'));
  return Promise.resolve();
}

/** The CPU time of the whole process, including garbage collections, in microseconds. */
async function cpuOf(work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

function row(what: string, values: readonly number[]): Row {
  const { median, min, max } = spread(values);
  return { alerts: what, 'CPU µs per alert': `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})` };
}
