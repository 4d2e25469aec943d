import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Slices, SliceSchedule } from '../runtime/slices.ts';
import { InhibitionSources } from './inhibition.ts';
import { MatchResults } from './match-results.ts';
import { TriggerIndex } from './trigger-index.ts';
import { newTrigger } from './trigger.fixture.ts';
import type { Trigger } from './trigger.ts';

interface Scene {
  readonly sources: InhibitionSources;
  readonly slices: Slices;
}

function sourcesOf(firing: readonly LabelSet[], isPlatform: (labels: LabelSet) => boolean): Scene {
  const clock = new FakeClock();
  const triggers = new TriggerIndex('namespace');
  const results = new MatchResults({ triggers, clock, logger: new RecordingLogger(), registry: new Registry() });
  const slices = new Slices(new SliceSchedule(clock), 'triggers');
  return { sources: new InhibitionSources(FiringAlerts.of(firing), { isPlatform, results }), slices };
}

function sourceOf(trigger: Trigger, labels: LabelSet, ...firing: readonly LabelSet[]): Promise<LabelSet | undefined> {
  const { sources, slices } = sourcesOf(firing, (alert) => alert['source'] === 'platform');
  return sources.sourceFor(trigger, { alertname: labels['alertname'], labels }, slices);
}

const inhibitedBy = [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }];
const ofTeam = newTrigger({ inhibitedBy }, { namespace: 'shop' });
const ofAdmin = newTrigger({ inhibitedBy });
const target = { alertname: 'PostgresDown', namespace: 'shop', node: 'n1' };
const source = { alertname: 'NodeDown', namespace: 'shop', node: 'n1' };

describe('InhibitionSources', () => {
  it('names the source that fires', async () => assert.equal(await sourceOf(ofTeam, target, target, source), source));

  it('names none if none fires, or the trigger has no inhibition', async () => {
    assert.equal(await sourceOf(ofTeam, target, target), undefined);
    assert.equal(await sourceOf(newTrigger({}), target, source), undefined);
  });

  it('needs the same values of equal', async () => {
    assert.equal(await sourceOf(ofTeam, target, { ...source, node: 'n2' }), undefined);
    assert.equal(await sourceOf(ofTeam, target, { ...source, node: '' }), undefined);
  });

  it('treats a label that is missing on both sides as equal', async () => {
    const [withoutNode, source2] = [
      { alertname: 'PostgresDown', namespace: 'shop' },
      { alertname: 'NodeDown', namespace: 'shop', node: '' },
    ];
    assert.equal(await sourceOf(ofTeam, withoutNode, source2), source2);
  });

  it('needs every label of equal, and none without equal', async () => {
    const both = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node', 'zone'] }] });
    assert.equal(await sourceOf(both, { ...target, zone: 'a' }, { ...source, zone: 'b' }), undefined);
    assert.notEqual(await sourceOf(both, { ...target, zone: 'a' }, { ...source, zone: 'a' }), undefined);
    const any = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"'] }] });
    assert.notEqual(await sourceOf(any, target, { ...source, node: 'n2' }), undefined);
  });

  it('needs every matcher of the source', async () => {
    const two = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"', 'severity="critical"'] }] });
    assert.equal(await sourceOf(two, target, source), undefined);
    assert.notEqual(await sourceOf(two, target, { ...source, severity: 'critical' }), undefined);
  });

  it('takes the first of several inhibitions that has a source', async () => {
    const other = { ...source, alertname: 'ZoneDown' };
    const trigger = newTrigger({ inhibitedBy: [...inhibitedBy, { matchers: ['alertname="ZoneDown"'] }] });
    assert.equal(await sourceOf(trigger, target, other), other);
    assert.equal(await sourceOf(trigger, target, other, source), source);
  });

  it("looks at alerts of the trigger's own namespace and of the platform only", async () => {
    const foreign = { ...source, namespace: 'db' };
    const platform = { ...source, namespace: 'openshift-monitoring', source: 'platform' };
    assert.equal(await sourceOf(ofTeam, target, foreign), undefined);
    assert.equal(await sourceOf(ofTeam, target, foreign, platform), platform);
    assert.equal(await sourceOf(ofAdmin, target, foreign), foreign);
  });

  it('lets no alert inhibit itself, nor two each other, if both are on both sides', async () => {
    const trigger = newTrigger({ matchers: ['job="x"'], inhibitedBy: [{ matchers: ['severity="critical"'] }] });
    const one = { alertname: 'A', job: 'x', severity: 'critical' };
    const other = { alertname: 'B', job: 'x', severity: 'critical' };
    assert.equal(await sourceOf(trigger, one, one, other), undefined);
    assert.equal(await sourceOf(trigger, { ...one, severity: 'info' }, one), one);
    const outside = { alertname: 'C', severity: 'critical' };
    assert.equal(await sourceOf(trigger, one, one, outside), outside);
  });

  it('says the same as a look at every alert that fires, for many triggers in one moment', async () => {
    const label = fc.constantFrom('', 'a', 'b');
    const labels = fc.record({ alertname: label, namespace: label, node: label }, { requiredKeys: [] });
    const trigger = fc.record({
      namespace: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
      name: label,
      equal: fc.subarray(['node', 'namespace', 'zone']),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(labels), fc.array(trigger), fc.array(labels), async (firing, triggers, asked) => {
        const isPlatform = (alert: LabelSet): boolean => alert['alertname'] === 'b';
        const { sources, slices } = sourcesOf(firing, isPlatform);
        for (const { namespace, name, equal } of triggers) {
          const made = newTrigger(
            { matchers: ['node=""'], inhibitedBy: [{ matchers: [`alertname="${name}"`], equal }] },
            namespace === undefined ? {} : { namespace },
          );
          const of = (alert: LabelSet, key: string): string => alert[key] ?? '';
          for (const alert of asked) {
            const isInhibited = (firing as readonly LabelSet[]).some(
              (each) =>
                of(each, 'alertname') === name &&
                (namespace === undefined || of(each, 'namespace') === namespace || isPlatform(each)) &&
                equal.every((key) => of(each, key) === of(alert, key)) &&
                !(of(alert, 'alertname') === name && made.matchers.every((matcher) => matcher.matches(each))),
            );
            const found = await sources.sourceFor(made, { alertname: alert['alertname'], labels: alert }, slices);
            assert.equal(found !== undefined, isInhibited);
          }
        }
      }),
    );
  });
});
