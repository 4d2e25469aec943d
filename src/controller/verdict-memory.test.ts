import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakePipelines, pipelineOf, trace } from './controller.fixture.ts';
import { VerdictMemory } from './verdict-memory.ts';

describe('VerdictMemory', () => {
  it('remembers both things of a pipeline, and forgets each by itself', () => {
    const memory = new VerdictMemory(new FakePipelines());
    const hold = { reason: 'a', since: 1 };
    memory.setHold(trace('x'), hold);
    memory.setReasonBeforeUnknown(trace('x'), 'b');
    assert.deepEqual([memory.hold(trace('x')), memory.reasonBeforeUnknown(trace('x'))], [hold, 'b']);
    memory.setHold(trace('x'), undefined);
    assert.deepEqual([memory.hold(trace('x')), memory.reasonBeforeUnknown(trace('x'))], [undefined, 'b']);
    assert.equal(memory.hold(trace('y')), undefined);
  });

  it('does not grow with pipelines that are gone', () => {
    const kept = Array.from({ length: 10 }, (_, index) => pipelineOf('TracePipeline', `kept-${index}`));
    const memory = new VerdictMemory(new FakePipelines(...kept));
    for (const { name } of kept) memory.setReasonBeforeUnknown(trace(name), 'a');
    for (let index = 0; index < 5000; index++) memory.setReasonBeforeUnknown(trace(`gone-${index}`), 'a');
    assert.equal(memory.reasonBeforeUnknown(trace('gone-0')), undefined);
    for (const { name } of kept) assert.equal(memory.reasonBeforeUnknown(trace(name)), 'a');
    assert.ok(memory.size < 1024);
  });
});
