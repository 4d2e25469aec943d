import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BatchError } from './batch-error.ts';

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

  it('shows 200 characters of what is no URI', () => {
    const shown = `"${'x'.repeat(200)}…"`;
    assert.ok(BatchError.notUri('0.generatorURL', 'x'.repeat(1_000_000)).message.endsWith(` uri: ${shown}`));
    assert.ok(BatchError.notUri('0.generatorURL', 'x'.repeat(200)).message.endsWith(` uri: "${'x'.repeat(200)}"`));
  });
});
