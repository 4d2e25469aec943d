import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LabelSet } from '../labels.ts';
import { postableAlert, BatchError, type AlertFields } from './postable-alert.ts';

const fields: AlertFields = {
  labels: { alertname: 'A' },
  annotations: { summary: 's' },
  startsAt: 1,
  endsAt: 2,
  generatorURL: '/x',
};

describe('postableAlert', () => {
  it('keeps the given fields and adds the key', () => {
    const alert = postableAlert(fields, 10);
    assert.deepEqual(alert, { ...fields, key: '{"alertname":"A"}', invalid: undefined });
    assert.equal(alert.labels, fields.labels);
    assert.equal(alert.annotations, fields.annotations);
  });

  it('drops labels with empty values, of any name, but keeps such annotations', () => {
    const labels = { b: '', ['__proto__']: 'p', a: 'x', '': '' };
    const alert = postableAlert({ ...fields, labels, annotations: { a: '' } }, 10);
    assert.deepEqual(Object.entries(alert.labels), [
      ['__proto__', 'p'],
      ['a', 'x'],
    ]);
    assert.deepEqual(alert.annotations, { a: '' });
    assert.equal(alert.key, '{"__proto__":"p","a":"x"}');
    assert.equal(alert.invalid, undefined);
    assert.deepEqual(Object.keys(labels), ['b', '__proto__', 'a', ''], 'the sender’s labels stay as they are');
  });

  const three: LabelSet = { a: '1', b: '2', c: '3' };
  const rows: readonly (readonly [what: string, fields: Partial<AlertFields>, invalid: string | undefined])[] = [
    ['no alertname', { labels: { a: 'b' } }, undefined],
    ['no labels', { labels: {} }, 'at least one label pair required'],
    ['empty label values alone', { labels: { alertname: '' } }, 'at least one label pair required'],
    ['a label without a name', { labels: { a: 'b', '': 'x' } }, 'invalid label set: invalid name ""'],
    ['an annotation without a name', { annotations: { '': '' } }, 'invalid annotations: invalid name ""'],
    ['no labels and a bad annotation', { labels: {}, annotations: { '': '' } }, 'at least one label pair required'],
    ['no annotations', { annotations: {} }, undefined],
    ['as many labels as allowed', { labels: three, annotations: three }, undefined],
    ['one label more', { labels: { ...three, d: '4' } }, 'more than 3 labels, the limit receiver.max_labels_per_alert'],
    [
      'one label more, though it is empty',
      { labels: { ...three, d: '' } },
      'more than 3 labels, the limit receiver.max_labels_per_alert',
    ],
    [
      'too many labels, one without a name',
      { labels: { '': 'x', ...three } },
      'more than 3 labels, the limit receiver.max_labels_per_alert',
    ],
    [
      'one annotation more',
      { annotations: { ...three, d: '' } },
      'more than 3 annotations, the limit receiver.max_labels_per_alert',
    ],
  ];
  for (const [what, given, invalid] of rows) {
    it(`is ${invalid === undefined ? 'valid' : 'invalid'} with ${what}`, () => {
      const alert = postableAlert({ ...fields, ...given }, 3);
      assert.equal(alert.invalid, invalid);
      assert.equal(alert.key === '', invalid !== undefined);
    });
  }
});

describe('BatchError', () => {
  const rows: readonly (readonly [what: string, error: BatchError, status: number, code: number, message: string])[] = [
    [
      'a body that is no list of alerts',
      BatchError.unreadable('x'),
      400,
      400,
      'parsing alerts body from "" failed, because x',
    ],
    ['a missing field', BatchError.required('3.labels'), 422, 602, '3.labels in body is required'],
    [
      'what is no URI',
      BatchError.notUri('0.generatorURL', 'a "b"'),
      422,
      601,
      '0.generatorURL in body must be of type uri: "a \\"b\\""',
    ],
  ];
  for (const [what, error, status, code, message] of rows) {
    it(`answers to ${what} as Alertmanager does`, () => {
      assert.ok(error instanceof Error);
      assert.deepEqual({ ...error }, { name: 'BatchError', status, code });
      assert.equal(error.message, message);
    });
  }

  it('shows 200 characters of a text that is not a URI', () => {
    const shown = `"${'x'.repeat(200)}…"`;
    assert.ok(BatchError.notUri('0.generatorURL', 'x'.repeat(1_000_000)).message.endsWith(` uri: ${shown}`));
    assert.ok(BatchError.notUri('0.generatorURL', 'x'.repeat(200)).message.endsWith(` uri: "${'x'.repeat(200)}"`));
  });
});
