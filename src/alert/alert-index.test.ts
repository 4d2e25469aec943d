import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Alert } from './alert.ts';
import { AlertsByText } from './alerts-by-text.ts';

function alert(key: string): Alert {
  const state = { annotations: {}, generatorURL: '', startsAt: 0, endsAt: 1, updatedAt: 0, timeout: false };
  return new Alert({ key, labels: {} }, state);
}

describe('AlertsByText', () => {
  it('finds an alert by its key and its hash', () => {
    const alerts = new AlertsByText();
    const a = alert('a');
    alerts.set(a, 1);
    assert.equal(alerts.find('a', 1), a);
    assert.deepEqual([alerts.find('a', 2), alerts.find('b', 1)], [undefined, undefined]);
  });

  it('gives a place that two want to the later one, and takes the other for gone', () => {
    const alerts = new AlertsByText();
    const [a, b] = [alert('a'), alert('b')];
    alerts.set(a, 1);
    alerts.set(b, 1);
    assert.deepEqual([alerts.find('a', 1), alerts.find('b', 1)], [undefined, b]);
    alerts.delete(a);
    assert.equal(alerts.find('b', 1), b);
    alerts.set(a, 1);
    assert.deepEqual([alerts.find('a', 1), alerts.find('b', 1)], [a, undefined]);
  });

  it('forgets', () => {
    const alerts = new AlertsByText();
    const a = alert('a');
    alerts.delete(a);
    alerts.set(a, 1);
    alerts.delete(a);
    assert.equal(alerts.find('a', 1), undefined);
  });
});
