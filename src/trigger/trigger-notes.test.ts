import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { TriggerNotes } from './trigger-notes.ts';

const trigger = { key: 'file/a' };

describe('TriggerNotes', () => {
  it('keeps and tells each problem of a trigger once', () => {
    const [logger, changed] = [new RecordingLogger(), [] as string[]];
    const notes = new TriggerNotes({ logger, onChange: (key) => changed.push(key) });
    for (const problem of ['one', 'other', 'one']) notes.add(trigger, 'trigger.target_unresolved', problem);
    assert.deepEqual(notes.of('file/a'), ['one', 'other']);
    assert.deepEqual(notes.of('file/b'), []);
    assert.deepEqual(changed, ['file/a', 'file/a']);
    assert.deepEqual(
      logger.lines.map(({ event, fields }) => [event, fields]),
      [
        ['trigger.target_unresolved', { trigger: 'file/a', problem: 'one' }],
        ['trigger.target_unresolved', { trigger: 'file/a', problem: 'other' }],
      ],
    );
  });

  it('is bounded, and begins anew when the trigger has changed', () => {
    const logger = new RecordingLogger();
    const notes = new TriggerNotes({ logger, onChange: () => undefined });
    for (let problem = 0; problem < 100; problem++) notes.add(trigger, 'trigger.undecided', `${problem}`);
    assert.equal(notes.of('file/a').length, 5);
    assert.equal(logger.lines.length, 5);
    notes.forget('file/a');
    assert.deepEqual(notes.of('file/a'), []);
    notes.add(trigger, 'trigger.undecided', '0');
    assert.equal(logger.lines.length, 6);
  });

  it('forgets a problem that is over, and tells no second time of one that comes back', () => {
    const [logger, changed] = [new RecordingLogger(), [] as string[]];
    const notes = new TriggerNotes({ logger, onChange: (key) => changed.push(key) });
    for (let round = 0; round < 3; round++) {
      notes.add(trigger, 'trigger.condition_taken', 'one');
      assert.deepEqual(notes.of('file/a'), ['one']);
      notes.remove('file/a', 'one');
      notes.remove('file/a', 'one');
      assert.deepEqual(notes.of('file/a'), []);
    }
    assert.equal(logger.lines.length, 1);
    assert.equal(changed.length, 6);
  });
});
