import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { InhibitionSources } from './inhibition.ts';
import { newTrigger } from './trigger.fixture.ts';
import type { Trigger } from './trigger.ts';

function sourceOf(trigger: Trigger, labels: LabelSet, ...firing: readonly LabelSet[]): LabelSet | undefined {
  const isPlatform = (alert: LabelSet): boolean => alert['source'] === 'platform';
  return new InhibitionSources(FiringAlerts.of(firing), isPlatform).sourceFor(trigger, labels);
}

const inhibitedBy = [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }];
const ofTeam = newTrigger({ inhibitedBy }, { namespace: 'shop' });
const ofAdmin = newTrigger({ inhibitedBy });
const target = { alertname: 'PostgresDown', namespace: 'shop', node: 'n1' };
const source = { alertname: 'NodeDown', namespace: 'shop', node: 'n1' };

describe('InhibitionSources', () => {
  it('names the source that fires', () => assert.equal(sourceOf(ofTeam, target, target, source), source));

  it('names none if none fires, or the trigger has no inhibition', () => {
    assert.equal(sourceOf(ofTeam, target, target), undefined);
    assert.equal(sourceOf(newTrigger({}), target, source), undefined);
  });

  it('needs the same values of equal', () => {
    assert.equal(sourceOf(ofTeam, target, { ...source, node: 'n2' }), undefined);
    assert.equal(sourceOf(ofTeam, target, { ...source, node: '' }), undefined);
  });

  it('treats a label that is missing on both sides as equal', () => {
    const [withoutNode, source2] = [
      { alertname: 'PostgresDown', namespace: 'shop' },
      { alertname: 'NodeDown', namespace: 'shop', node: '' },
    ];
    assert.equal(sourceOf(ofTeam, withoutNode, source2), source2);
  });

  it('needs every label of equal, and none without equal', () => {
    const both = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node', 'zone'] }] });
    assert.equal(sourceOf(both, { ...target, zone: 'a' }, { ...source, zone: 'b' }), undefined);
    assert.notEqual(sourceOf(both, { ...target, zone: 'a' }, { ...source, zone: 'a' }), undefined);
    const any = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"'] }] });
    assert.notEqual(sourceOf(any, target, { ...source, node: 'n2' }), undefined);
  });

  it('needs every matcher of the source', () => {
    const two = newTrigger({ inhibitedBy: [{ matchers: ['alertname="NodeDown"', 'severity="critical"'] }] });
    assert.equal(sourceOf(two, target, source), undefined);
    assert.notEqual(sourceOf(two, target, { ...source, severity: 'critical' }), undefined);
  });

  it('takes the first of several inhibitions that has a source', () => {
    const other = { ...source, alertname: 'ZoneDown' };
    const trigger = newTrigger({ inhibitedBy: [...inhibitedBy, { matchers: ['alertname="ZoneDown"'] }] });
    assert.equal(sourceOf(trigger, target, other), other);
    assert.equal(sourceOf(trigger, target, other, source), source);
  });

  it("looks at alerts of the trigger's own namespace and of the platform only", () => {
    const foreign = { ...source, namespace: 'db' };
    const platform = { ...source, namespace: 'openshift-monitoring', source: 'platform' };
    assert.equal(sourceOf(ofTeam, target, foreign), undefined);
    assert.equal(sourceOf(ofTeam, target, foreign, platform), platform);
    assert.equal(sourceOf(ofAdmin, target, foreign), foreign);
  });

  it('lets no alert inhibit itself, nor two each other, if both are on both sides', () => {
    const trigger = newTrigger({ matchers: ['job="x"'], inhibitedBy: [{ matchers: ['severity="critical"'] }] });
    const one = { alertname: 'A', job: 'x', severity: 'critical' };
    const other = { alertname: 'B', job: 'x', severity: 'critical' };
    assert.equal(sourceOf(trigger, one, one, other), undefined);
    assert.equal(sourceOf(trigger, { ...one, severity: 'info' }, one), one);
    const outside = { alertname: 'C', severity: 'critical' };
    assert.equal(sourceOf(trigger, one, one, outside), outside);
  });

  it('says the same as a look at every alert that fires, for many triggers in one moment', () => {
    const label = fc.constantFrom('', 'a', 'b');
    const labels = fc.record({ alertname: label, namespace: label, node: label }, { requiredKeys: [] });
    const trigger = fc.record({
      namespace: fc.option(fc.constantFrom('a', 'b'), { nil: undefined }),
      name: label,
      equal: fc.subarray(['node', 'namespace', 'zone']),
    });
    fc.assert(
      fc.property(fc.array(labels), fc.array(trigger), fc.array(labels), (firing, triggers, asked) => {
        const isPlatform = (alert: LabelSet): boolean => alert['alertname'] === 'b';
        const sources = new InhibitionSources(FiringAlerts.of(firing), isPlatform);
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
            assert.equal(sources.sourceFor(made, alert) !== undefined, isInhibited);
          }
        }
      }),
    );
  });
});
