import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertStore } from '../../alert/alert-store.ts';
import { firingAt, posted } from '../../alert/alert-store.fixture.ts';
import type { PostableAlert } from '../../alert/alert.ts';
import { causeFields } from '../../cause/causes.fixture.ts';
import { maxNamedProblems, AlertIntake, type Repeats } from './alert-intake.ts';
import type { AlertTransition } from './alert-lines.ts';
import { alertsFormat } from './batch.ts';
import { PlatformAlerts } from '../../cause/platform-alerts.ts';
import { parseMatcher } from '../../matcher/parse-matcher.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');

function newStore(maxAlerts = 1000, maxBytes = 10_000_000): AlertStore {
  return new AlertStore(() => ({ maxAlerts, maxBytes, resolveTimeoutMs: 300_000 }));
}

const platform = new PlatformAlerts([parseMatcher('source="platform"')]);

interface Intake {
  readonly intake: AlertIntake;
  readonly transitions: readonly (readonly [string, string | undefined])[];
}

function accept(store: AlertStore, alerts: readonly PostableAlert[], repeats: Repeats = 'trigger', at = now): Intake {
  const transitions: [string, string | undefined][] = [];
  const onTransition = ({ event, alert }: AlertTransition) => void transitions.push([event, alert.labels['alertname']]);
  const intake = new AlertIntake({
    silencing: () => [],
    platform,
    store,
    repeats,
    now: at,
    characterBytes: 1,
    nameOf: alertsFormat.nameOf,
    onTransition,
  });
  for (const alert of alerts) intake.add(alert);
  return { intake, transitions };
}

function named(alertname: string, fields: Parameters<typeof posted>[0] = {}): PostableAlert {
  return posted({ labels: { alertname }, ...fields });
}

function invalid(problem: string, endsAt?: number): PostableAlert {
  return { ...posted({ endsAt }), key: '', invalid: problem };
}

describe('AlertIntake', () => {
  it('counts firing and resolved alerts, invalid ones included', () => {
    const { intake } = accept(newStore(), [
      named('A'),
      named('B', { endsAt: now + 1 }),
      named('C', { endsAt: now }),
      invalid('broken', now - 1),
      invalid('broken'),
    ]);
    assert.deepEqual([intake.received, intake.firing, intake.resolved, intake.invalid, intake.new], [5, 3, 2, 2, 2]);
  });

  it('stores the valid alerts of a batch, and names the others with their index', () => {
    const store = newStore();
    const late = named('B', { startsAt: now + 1, endsAt: now });
    const { intake } = accept(store, [named('A'), late, invalid('broken'), named('C')]);
    assert.equal(intake.refusal, 'alert 1: start time must be before end time\nalert 2: broken');
    assert.deepEqual(
      firingAt(store, now).map(({ alertname }) => alertname),
      ['A', 'C'],
    );
    assert.deepEqual([intake.causes.user.alertCount, intake.new], [2, 2]);
  });

  it('reads no labels of a sender who may create everything: they are parsed anew each time', () => {
    let reads = 0;
    const { labels, ...rest } = named('A');
    const watched = {
      ...rest,
      get labels() {
        reads++;
        return labels;
      },
    };
    const { intake } = accept(newStore(), [watched, watched]);
    assert.deepEqual([intake.received, intake.new, reads], [2, 1, 0]);
  });

  it('names only the first invalid alerts, and counts the rest', () => {
    const many = Array.from({ length: maxNamedProblems }, () => invalid('broken'));
    const { intake } = accept(newStore(), many);
    assert.equal(intake.refusal.split('\n').length, maxNamedProblems);
    intake.add(invalid('broken'));
    intake.add(invalid('broken'));
    assert.equal(intake.problems.length, maxNamedProblems);
    assert.deepEqual(intake.refusal.split('\n').slice(-2), [`alert ${maxNamedProblems - 1}: broken`, 'and 2 more']);
    assert.equal(intake.invalid, maxNamedProblems + 2);
  });

  it('has no refusal if all alerts are valid', () => {
    assert.equal(accept(newStore(), [named('A')]).intake.refusal, '');
  });

  it('wakes a reconcile for a repeat by default', () => {
    const store = newStore();
    accept(store, [named('A')]);
    const { intake, transitions } = accept(store, [named('A')]);
    assert.deepEqual([intake.causes.user.alertCount, intake.new], [1, 0]);
    assert.deepEqual(transitions, []);
  });

  it('ignores repeats if configured so, but nothing that is new', () => {
    const store = newStore();
    accept(store, [named('A'), named('B'), named('C')], 'ignore');
    const alerts = [named('A'), named('B', { annotations: { a: '1' } }), named('C', { endsAt: now }), named('D')];
    const { intake } = accept(store, alerts, 'ignore');
    assert.deepEqual(
      [...intake.causes.user.alerts.values()].map(({ labels, status }) => [labels['alertname'], status]),
      [
        ['B', 'firing'],
        ['C', 'resolved'],
        ['D', 'firing'],
      ],
    );
    assert.equal(intake.received, 4);
  });

  for (const repeats of ['trigger', 'ignore'] as const) {
    it(`wakes a reconcile for an alert that the store has no room for, with repeats: ${repeats}`, () => {
      const store = newStore(1);
      for (const round of [1, 2]) {
        const { intake } = accept(store, [named('A'), named('B')], repeats);
        assert.equal(intake.notStored, 1);
        assert.equal(intake.causes.user.alerts.get(named('B').key)?.status, 'firing', `round ${round}`);
        assert.equal(intake.invalid, 0);
      }
      assert.equal(store.size, 1);
    });
  }

  it('wakes a reconcile for a repeat that could not be stored in full', () => {
    const store = newStore(10, 2000);
    accept(store, [named('A')], 'ignore');
    const { intake } = accept(store, [named('A', { generatorURL: `/${'x'.repeat(10_000)}` })], 'ignore');
    assert.deepEqual([intake.notUpdated, intake.notStored, intake.causes.user.alertCount], [1, 0, 1]);
  });

  it('keeps the alerts of the platform apart, and tells which they were', () => {
    const ofPlatform = posted({ labels: { alertname: 'P', source: 'platform' } });
    const { intake } = accept(newStore(), [named('A'), ofPlatform, named('B')]);
    assert.deepEqual(
      intake.causes.waking.map(({ lane, texts }) => [lane, ...texts]),
      [
        ['platform', 'P firing'],
        ['user', 'B firing', 'A firing'],
      ],
    );
    const told = intake.told.field.make() as Record<string, string>;
    assert.deepEqual(
      Object.entries(told).map(([as, hashes]) => [as, Buffer.from(hashes, 'base64').length / 4]),
      [
        ['woke', 3],
        ['platform', 1],
      ],
    );
  });

  it('collects causes with labels, status and the time of the batch', () => {
    const { intake } = accept(newStore(), [named('A'), named('B', { endsAt: now - 5 }), named('A')]);
    const cause = { firstSeen: now, lastSeen: now };
    assert.deepEqual([...intake.causes.user.alerts.values()].map(causeFields), [
      { ...cause, labels: { alertname: 'B' }, status: 'resolved', count: 1 },
      { ...cause, labels: { alertname: 'A' }, status: 'firing', count: 2 },
    ]);
    assert.deepEqual([intake.causes.user.alertCount, [...intake.causes.user.triggers]], [3, ['alert']]);
  });

  it('reports alerts that begin and end, and no others', () => {
    const store = newStore();
    assert.deepEqual(accept(store, [named('A'), named('B'), invalid('broken')]).transitions, [
      ['alert.new', 'A'],
      ['alert.new', 'B'],
    ]);
    const alerts = [named('A', { annotations: { a: '1' } }), named('B', { endsAt: now + 1 })];
    assert.deepEqual(accept(store, alerts).transitions, []);
    assert.deepEqual(accept(store, [named('A', { endsAt: now + 9 })], 'trigger', now + 9).transitions, [
      ['alert.resolved', 'A'],
    ]);
  });
});
