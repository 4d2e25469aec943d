import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { labelKey, type LabelSet } from '../alert/labels.ts';
import { newAlert } from '../alert/new-alert.fixture.ts';
import { Matcher, type MatchType } from '../matcher/matcher.ts';
import { parseMatcher } from '../matcher/parse-matcher.ts';
import { Causes } from './causes.ts';
import { LanedCauses, livePlatformAlerts, PlatformAlerts } from './platform-alerts.ts';

const usual = new PlatformAlerts([parseMatcher('openshift_io_alert_source="platform"')]);
const ofPlatform = { alertname: 'A', openshift_io_alert_source: 'platform' };

/** Says how often the labels were read. */
function counted(labels: LabelSet) {
  const alert = {
    key: labelKey(labels),
    reads: 0,
    get labels() {
      this.reads++;
      return labels;
    },
  };
  return alert;
}

describe('PlatformAlerts', () => {
  it('tells an alert of the platform by its label', () => {
    assert.ok(usual.has(newAlert(ofPlatform)));
    assert.ok(!usual.has(newAlert({ ...ofPlatform, openshift_io_alert_source: 'user' })));
    assert.ok(!usual.has(newAlert({ alertname: 'A' })));
  });

  it('reads no labels of an alert without that label and value', () => {
    for (const labels of [{ alertname: 'platform' }, { ...ofPlatform, openshift_io_alert_source: 'platforms' }]) {
      const alert = counted(labels);
      assert.deepEqual([usual.has(alert), alert.reads], [false, 0]);
    }
    const alert = counted({ alertname: 'A', severity: 'critical' });
    const byName = new PlatformAlerts([parseMatcher('severity!="info"'), parseMatcher('namespace=~"openshift-.+"')]);
    assert.deepEqual([byName.has(alert), alert.reads], [false, 0]);
  });

  it('needs all matchers, and without any knows no alert', () => {
    const both = new PlatformAlerts([parseMatcher('a="1"'), parseMatcher('b!="2"')]);
    assert.ok(both.has(newAlert({ a: '1' })));
    assert.ok(!both.has(newAlert({ a: '1', b: '2' })));
    const none = new PlatformAlerts([]);
    assert.deepEqual([none.has(newAlert(ofPlatform)), none.hasLabels(ofPlatform)], [false, false]);
  });

  it('is not deceived by the text of a value', () => {
    const [name, value] = ['openshift_io_alert_source', 'platform'];
    for (const text of [`"${name}":"${value}"`, `\\"${name}":"${value}"`, `x","${name}":"${value}`])
      assert.ok(!usual.has(newAlert({ alertname: text, z: text })), text);
  });

  it('says the same as its matchers, whatever the labels and the matchers are', () => {
    const word = fc.constantFrom(
      'a',
      'b',
      'platform',
      'x"y',
      'x\\y',
      '"a":"b',
      'é',
      '1',
      'a.b',
      'a+',
      '<&>',
      '\n',
      ',',
      '/',
    );
    const matcher = fc
      .tuple(word, fc.oneof(word, fc.constant('')), fc.constantFrom<MatchType>('=', '!=', '=~', '!~'))
      .filter(([, value, type]) => !type.includes('~') || isRegexp(value))
      .map(([name, value, type]) => new Matcher(name, value, type));
    const labelSet = fc.dictionary(word, word, { maxKeys: 4 });
    fc.assert(
      fc.property(fc.array(matcher, { minLength: 1, maxLength: 3 }), labelSet, (matchers, labels) => {
        const expected = matchers.every((one) => one.matches(labels));
        const platform = new PlatformAlerts(matchers);
        assert.equal(platform.hasLabels(labels), expected);
        assert.equal(platform.has({ key: labelKey(labels), labels }), expected);
      }),
      { numRuns: 2000 },
    );
  });
});

function isRegexp(text: string): boolean {
  try {
    new Matcher('a', text, '=~');
    return true;
  } catch {
    return false;
  }
}

describe('livePlatformAlerts', () => {
  it('follows the configuration', () => {
    let texts = ['a="1"'];
    const platform = livePlatformAlerts(() => ({ lanes: { platform: texts } }));
    assert.ok(platform().has(newAlert({ a: '1' })));
    assert.equal(platform(), platform());
    texts = [];
    assert.ok(!platform().has(newAlert({ a: '1' })));
  });
});

describe('LanedCauses', () => {
  it('puts each alert into the causes of its lane, the platform first', () => {
    const causes = new LanedCauses(usual);
    assert.equal(causes.add(newAlert({ alertname: 'B' }), 'firing', 1), 'user');
    assert.equal(causes.add(newAlert(ofPlatform), 'resolved', 2), 'platform');
    assert.deepEqual(
      causes.waking.map(({ lane, texts }) => [lane, ...texts]),
      [
        ['platform', 'A resolved'],
        ['user', 'B firing'],
      ],
    );
  });

  it('wakes nobody without a reason', () => {
    assert.deepEqual(new LanedCauses(usual).waking, []);
    const causes = new LanedCauses(usual);
    causes.add(newAlert({ ...ofPlatform, tocsin: 'notify' }), 'firing', 1);
    assert.deepEqual(causes.waking, []);
  });
});

describe('Causes.lane', () => {
  it('is the platform once one of the causes is', () => {
    const [user, platform] = [new Causes('user'), new Causes('platform')];
    assert.equal(Causes.union(user, new Causes()).lane, 'user');
    assert.equal(Causes.union(user, platform).lane, 'platform');
    assert.equal(Causes.union(platform, user).lane, 'platform');
  });
});
