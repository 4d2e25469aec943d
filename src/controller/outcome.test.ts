import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outcomeOfError, outcomeOfResult } from './outcome.ts';
import { SnapshotError, TerminalError } from '../reconcile/errors.ts';

const cause = new Error('refused');
const snapshotError = new SnapshotError('Prometheus is away', 1234, { cause });
const terminalError = new TerminalError('hopeless', { cause });

describe('outcomeOfResult', () => {
  it('is a success without, and a requeue with, a time to look again, 0 included', () => {
    const result = { outcome: 'changed', notInPrometheus: [] } as const;
    assert.deepEqual(outcomeOfResult(result), { kind: 'success', result });
    const requeued = { ...result, requeueAfterMs: 0 };
    assert.deepEqual(outcomeOfResult(requeued), { kind: 'requeue_after', result: requeued, requeueAfterMs: 0 });
  });
});

describe('outcomeOfError', () => {
  it('tells the kinds of error apart', () => {
    assert.deepEqual(outcomeOfError(snapshotError, false), {
      kind: 'postponed',
      error: snapshotError,
    });
    assert.deepEqual(outcomeOfError(terminalError, false), { kind: 'terminal_error', error: terminalError });
    assert.deepEqual(outcomeOfError(cause, false), { kind: 'error', error: cause });
    assert.deepEqual(outcomeOfError('text', false), { kind: 'error', error: 'text' });
  });

  it('takes every failure for the doing of the shutdown once that has begun', () => {
    for (const error of [snapshotError, terminalError, cause, undefined]) {
      assert.deepEqual(outcomeOfError(error, true), { kind: 'cancelled', error });
    }
  });

  it('keeps names and causes of the errors', () => {
    assert.deepEqual(
      [snapshotError, terminalError].map((error) => [error.name, error.message, error.cause]),
      [
        ['SnapshotError', 'Prometheus is away', cause],
        ['TerminalError', 'hopeless', cause],
      ],
    );
  });
});
