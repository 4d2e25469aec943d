import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stringify } from 'yaml';
import { comparedLabels } from './compared-labels.ts';

function relabelling(...steps: readonly object[]) {
  return comparedLabels([stringify({ alerting: { alert_relabel_configs: steps } })], []);
}

describe('comparedLabels', () => {
  it('leaves out external labels, targets of relabelling, and what the configuration names', () => {
    const text = `global:
  external_labels:
    cluster: eu
alerting:
  alert_relabel_configs:
  - source_labels: [team]
    target_label: owner
  - target_label: shard
    modulus: 3
    action: hashmod
  alertmanagers:
  - alert_relabel_configs:
    - target_label: sender
      replacement: x
      action: replace
    - source_labels: [severity]
      target_label: severity
      action: lowercase
`;
    const { names, isLeftOut, hasPatterns, incomparable, dropped } = comparedLabels([text, ''], ['replica']);
    assert.deepEqual([...names].toSorted(), ['cluster', 'owner', 'replica', 'sender', 'severity', 'shard']);
    assert.deepEqual([isLeftOut('cluster'), isLeftOut('team'), hasPatterns], [true, false, false]);
    assert.deepEqual([incomparable, dropped], [undefined, undefined]);
  });

  it('leaves out what labeldrop and labelkeep drop', () => {
    const drop = relabelling({ action: 'labeldrop', regex: 'prometheus.*' });
    assert.deepEqual(['prometheus', 'prometheus_replica', 'a_prometheus', 'alertname'].map(drop.isLeftOut), [
      true,
      true,
      false,
      false,
    ]);
    const keep = relabelling({ action: 'labelkeep', regex: 'alertname|job' });
    assert.deepEqual(['job', 'instance', 'alertname'].map(keep.isLeftOut), [false, true, false]);
    assert.ok(keep.hasPatterns && drop.incomparable === undefined && keep.incomparable === undefined);
  });

  for (const action of ['keep', 'drop', 'KeepEqual', 'dropequal']) {
    it(`says that ${action} may keep alerts from being pushed`, () => {
      const { dropped, incomparable } = relabelling({ action, source_labels: ['severity'], regex: 'none' });
      assert.match(dropped ?? '', new RegExp(`the action ${action.toLowerCase()}`));
      assert.equal(incomparable, undefined);
    });
  }

  for (const [what, step] of [
    ['a rewritten alertname', { target_label: 'alertname', replacement: 'x' }],
    ['a dropped alertname', { action: 'labeldrop', regex: 'alert.*' }],
    ['an alertname that is not kept', { action: 'labelkeep', regex: 'job' }],
    ['a computed name', { target_label: 'x_$1', source_labels: ['a'] }],
    ['labelmap', { action: 'labelmap', regex: 'a_(.*)' }],
    ['an action of the future', { action: 'explode' }],
    ['a pattern that is none', { action: 'labeldrop', regex: '(' }],
  ] as const) {
    it(`says that it cannot compare with ${what}`, () => {
      assert.notEqual(relabelling(step).incomparable, undefined);
    });
  }

  it('says so of what is no YAML, or no map', () => {
    assert.match(comparedLabels(['a: [', ''], []).incomparable ?? '', /cannot be read/);
    assert.equal(comparedLabels(['- a', '5', ''], []).incomparable, undefined);
    assert.match(comparedLabels([`a: ${'['.repeat(50_000)}`], []).incomparable ?? '', /cannot be read/);
  });
});
