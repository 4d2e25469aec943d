import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Pipeline } from '../reconcile/ports.ts';
import { AlertOrder, alertsFire, alertsUnknown, messageOf, noAlertFires, reasonOf } from './firing-condition.ts';

const object: Pipeline = { apiVersion: 'v1', kind: 'A', name: 'a', generation: 7, spec: {}, conditions: [] };

describe('AlertOrder', () => {
  const order = new AlertOrder();

  it('puts the known severities first, then others by name, then none', () => {
    const severities = ['', 'zebra', 'info', 'warning', 'page', 'critical', 'error'];
    const sorted = severities
      .map((severity) => ({ alertname: 'A', ...(severity !== '' && { severity }) }))
      .toSorted((a, b) => order.compare(a, b))
      .map(({ severity = '' }: { readonly severity?: string }) => severity);
    assert.deepEqual(sorted, ['critical', 'error', 'warning', 'info', 'page', 'zebra', '']);
  });

  it('takes the list that it is given', () => {
    const own = new AlertOrder(['page', 'ticket']);
    assert.ok(own.compare({ severity: 'ticket' }, { severity: 'critical' }) < 0);
  });

  it('decides by name at equal severity, then by fingerprint, and so is a total order of alerts', () => {
    const name = fc.constantFrom('A', 'B', '');
    const labels = fc.record({ alertname: name, severity: fc.constantFrom('critical', 'x', ''), pod: name });
    fc.assert(
      fc.property(labels, labels, labels, (a, b, c) => {
        assert.equal(Math.sign(order.compare(a, b)), -Math.sign(order.compare(b, a)) + 0);
        if (order.compare(a, b) <= 0 && order.compare(b, c) <= 0) assert.ok(order.compare(a, c) <= 0);
        if (a.severity === b.severity && a.alertname < b.alertname) assert.ok(order.compare(a, b) < 0);
        if (order.compare(a, b) === 0) assert.deepEqual({ ...a }, { ...b });
      }),
    );
  });
});

describe('the condition of an object', () => {
  it('is False with the name of the alert, and names the trigger in the decision', () => {
    const alert = { labels: { alertname: 'DbDown', ns: 'shop' }, annotations: { summary: 'orders is down' } };
    assert.deepEqual(alertsFire(object, 'AlertsQuiet', { alert, trigger: 'file/db' }), {
      condition: {
        type: 'AlertsQuiet',
        status: 'False',
        reason: 'DbDown',
        message: 'orders is down',
        observedGeneration: 7,
      },
      decision: { by: 'alert', labels: alert.labels, trigger: 'file/db' },
    });
  });

  it('is True with NoAlerts, and Unknown with AlertsUnknown and a message that stays the same', () => {
    assert.deepEqual(
      [noAlertFires(object, 'T', []).condition, alertsUnknown(object, 'T', new Error('503 at 12:00')).condition].map(
        ({ status, reason, message }) => [status, reason, message],
      ),
      [
        ['True', 'NoAlerts', 'No alert fires that a trigger has for this object.'],
        ['Unknown', 'AlertsUnknown', 'Prometheus could not be asked which alerts fire.'],
      ],
    );
  });
});

describe('reasonOf', () => {
  it('leaves out what is not allowed, and puts a letter first', () => {
    assert.deepEqual(['PostgresDown', 'Postgres down!', '5xxRate', 'über', '', 'a:b:', '日本'].map(reasonOf), [
      'PostgresDown',
      'Postgresdown',
      'Alert5xxRate',
      'ber',
      'Alert',
      'a:b',
      'Alert',
    ]);
  });

  it('is always a reason that the API server takes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (name) => {
        const reason = reasonOf(name);
        assert.match(reason, /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/);
        assert.ok(reason.length <= 1024);
      }),
    );
  });
});

describe('messageOf', () => {
  it('is the summary, else the description, else the labels', () => {
    const labels = { alertname: 'A', pod: 'p"1' };
    const annotations = { summary: ' ', description: 'why' };
    assert.equal(messageOf({ labels, annotations: { ...annotations, summary: 'what' } }), 'what');
    assert.equal(messageOf({ labels, annotations }), 'why');
    assert.equal(messageOf({ labels }), String.raw`{alertname="A", pod="p\"1"}`);
  });

  it('has at most 1,024 characters and is well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1000, maxLength: 1100 }), (summary) => {
        const message = messageOf({ labels: {}, annotations: { summary } });
        assert.ok(message.length <= 1024 && message.isWellFormed());
      }),
    );
  });
});
