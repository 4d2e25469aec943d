import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogLevel } from '../runtime/logger.ts';
import type { Entry } from './fact.ts';
import { LookFilter, pipelineKey } from './look-filter.ts';

const pipeline = { kind: 'TracePipeline', name: 'backend' };

function line(level: LogLevel, event: string, run: string, fields: Entry['fields'] = {}): Entry {
  return { time: 1000, level, event, msg: '', fields: { run, ...pipeline, ...fields } };
}

/** A periodic look that finds nothing changed. */
function look(run: string, because = 'unchanged'): readonly Entry[] {
  return [
    line('debug', 'reconcile.started', run),
    line('debug', 'condition.unchanged', run),
    line('debug', 'reconcile.finished', run, { result: 'unchanged', because, requeue_after_ms: 300_000 }),
  ];
}

function retry(run: string, error: Error): readonly Entry[] {
  const failed = { result: 'error', because: 'prometheus_failed', error, retry_in_ms: 4000 };
  return [line('debug', 'reconcile.started', run), line('debug', 'reconcile.failed', run, failed)];
}

function kept(filter: LookFilter, entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => filter.take(entry)).map(({ event }) => event);
}

const whole = ['reconcile.started', 'condition.unchanged', 'reconcile.finished'];

describe('LookFilter', () => {
  it('keeps the first look at a pipeline, and no later one with the same result', () => {
    const filter = new LookFilter();
    assert.deepEqual(kept(filter, look('1')), whole);
    assert.deepEqual(kept(filter, [...look('2'), ...look('3')]), []);
    assert.equal(filter.leftOut, 2);
    assert.deepEqual(kept(filter, look('4', 'held')), whole);
    assert.deepEqual(kept(filter, look('5')), whole);
  });

  it('keeps a look during which something was logged, completely and in order', () => {
    const filter = new LookFilter();
    kept(filter, look('1'));
    const [started, , finished] = look('2') as [Entry, Entry, Entry];
    const changed = line('info', 'condition.changed', '2');
    assert.deepEqual(kept(filter, [started, changed, finished]), [started.event, changed.event, finished.event]);
  });

  it('passes on the lines of a run that an alert caused, as they come', () => {
    const filter = new LookFilter();
    for (const run of ['1', '2']) {
      assert.deepEqual(kept(filter, [line('info', 'reconcile.started', run)]), ['reconcile.started']);
      assert.deepEqual(kept(filter, [line('debug', 'condition.unchanged', run)]), ['condition.unchanged']);
      const finished = line('info', 'reconcile.finished', run, { result: 'unchanged' });
      assert.deepEqual(kept(filter, [finished]), ['reconcile.finished']);
    }
  });

  it('keeps a retry that succeeded, and one that fails in another way', () => {
    const filter = new LookFilter();
    kept(filter, [line('info', 'reconcile.started', '0'), ...retry('0', new Error('away')).slice(1)]);
    assert.deepEqual(kept(filter, retry('1', new Error('away'))), []);
    assert.deepEqual(kept(filter, retry('2', new Error('401'))), ['reconcile.started', 'reconcile.failed']);
    const through = [line('debug', 'reconcile.started', '3'), line('info', 'reconcile.finished', '3')];
    assert.deepEqual(kept(filter, through), ['reconcile.started', 'reconcile.finished']);
  });

  it('distinguishes pipelines, and runs that overlap', () => {
    const filter = new LookFilter();
    const other = look('2').map((entry) => ({ ...entry, fields: { ...entry.fields, namespace: 'team' } }));
    const [a, b] = [look('1'), other];
    assert.deepEqual(kept(filter, [a[0]!, b[0]!, a[1]!, b[1]!, b[2]!, a[2]!]), [...whole, ...whole]);
  });

  it('knows when a pipeline is looked at next, even if the look was left out', () => {
    const filter = new LookFilter();
    kept(filter, [...look('1'), ...look('2')]);
    const last = filter.lastLook(pipelineKey(pipeline));
    assert.deepEqual([last?.endedAt, last?.againInMs, last?.why], [1000, 300_000, 'requeue']);
    kept(filter, retry('3', new Error('away')));
    assert.deepEqual(filter.lastLook(pipelineKey(pipeline))?.why, 'retry');
    kept(filter, [line('info', 'reconcile.finished', '4', { result: 'gone' })]);
    assert.equal(filter.lastLook(pipelineKey(pipeline)), undefined);
  });

  it('returns at the end what it holds back', () => {
    const filter = new LookFilter();
    kept(filter, look('1').slice(0, 2));
    assert.equal(filter.flush().length, 2);
    assert.deepEqual(filter.flush(), []);
  });
});
