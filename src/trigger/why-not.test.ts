import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newTrigger } from './trigger.fixture.ts';
import { actionText, heldNow, targetText, whyNot } from './why-not.ts';

const alert = { labels: { alertname: 'A', namespace: 'shop', pod: 'p-1' }, annotations: {}, now: 0 };
const deployment = { apiVersion: 'apps/v1', kind: 'Deployment' };

describe('whyNot', () => {
  it('names the first matcher that fails', () => {
    const trigger = newTrigger({ matchers: ['alertname="A"', 'severity="critical"', 'pod="x"'] });
    assert.deepEqual(whyNot(trigger, alert, 0), { trigger, matches: false, failedMatcher: 'severity="critical"' });
  });

  it('names the namespace first, if it is another', () => {
    const verdict = whyNot(newTrigger({ matchers: ['alertname="B"'] }, { namespace: 'db' }), alert, 0);
    assert.equal(!verdict.matches && verdict.failedMatcher, 'namespace="db"');
  });

  it('says which targets would be resolved, and what would be done', () => {
    const trigger = newTrigger({
      targets: [{ ...deployment, name: '{{ labels.pod }}' }],
      action: { annotate: { key: 'a', value: '{{ alertname }}' } },
    });
    assert.deepEqual(whyNot(trigger, alert, 0), {
      trigger,
      matches: true,
      targets: [{ by: 'name', ...deployment, name: 'p-1' }],
      action: 'set the annotation a: A',
    });
  });

  it('says that it only observes, or is suspended', () => {
    const observing = newTrigger({ mode: 'observe' });
    const verdict = whyNot(observing, alert, 0);
    assert.equal(verdict.matches && verdict.held, 'observed');
    const suspended = whyNot(newTrigger({ mode: 'observe', suspend: { reason: 'x' } }), alert, 0);
    assert.equal(suspended.matches && suspended.held, 'suspended');
  });
});

describe('heldNow', () => {
  it('ends with a suspension', () => {
    const until = '1970-01-01T00:00:01Z';
    const trigger = newTrigger({ suspend: { reason: 'upgrade', until } });
    assert.equal(heldNow(trigger, 999), 'suspended');
    assert.equal(heldNow(trigger, 1000), undefined);
    assert.equal(heldNow(newTrigger({ suspend: { reason: 'upgrade' } }), Number.MAX_SAFE_INTEGER), 'suspended');
    assert.equal(heldNow(newTrigger({}), 0), undefined);
  });
});

describe('actionText', () => {
  const textOf = (action: object, budget?: object): string => actionText(newTrigger({ action, budget }).action);

  it('says what is done', () => {
    assert.equal(textOf({ log: {} }), 'log');
    assert.equal(textOf({ condition: { type: 'AlertsQuiet' } }), 'write the condition AlertsQuiet');
    assert.equal(textOf({ annotate: { preset: 'argocd' } }), 'set the annotation argocd.argoproj.io/refresh: normal');
    assert.equal(
      textOf({ annotate: { preset: 'restart' } }, { runs: 1, per: '1h' }),
      'set the annotation kubectl.kubernetes.io/restartedAt: {{ now }} of the pod template',
    );
    assert.equal(actionText({ do: 'condition' }), 'write the condition of the health rules');
  });
});

describe('targetText', () => {
  it('names the objects', () => {
    assert.equal(
      targetText({ by: 'name', ...deployment, namespace: 'shop', name: 'a' }),
      'Deployment a in namespace shop (apps/v1)',
    );
    assert.equal(targetText({ by: 'name', apiVersion: 'v1', kind: 'Node', name: 'n' }), 'Node n (v1)');
    assert.equal(
      targetText({
        by: 'selector',
        ...deployment,
        selector: {
          matchLabels: { app: 'a' },
          matchExpressions: [
            { key: 'tier', operator: 'In', values: ['b', 'c'] },
            { key: 'old', operator: 'DoesNotExist' },
          ],
        },
      }),
      'every Deployment with app=a, tier In (b, c), old DoesNotExist (apps/v1)',
    );
    assert.equal(targetText({ by: 'selector', ...deployment, selector: {} }), 'every Deployment (apps/v1)');
    assert.equal(targetText({ by: 'owner', namespace: 'shop', pod: 'p' }), 'top owner of pod p in namespace shop');
    assert.equal(
      targetText({ by: 'owner', namespace: 'shop', pod: 'p', kind: 'Cluster' }),
      'Cluster owner of pod p in namespace shop',
    );
    assert.equal(targetText({ by: 'none', problem: 'no name' }), 'nothing: no name');
  });
});
