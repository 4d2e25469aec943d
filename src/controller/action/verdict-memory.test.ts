import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakePipelines, pipelineOf, trace } from '../controller.fixture.ts';
import { VerdictMemory } from './verdict-memory.ts';

describe('VerdictMemory', () => {
  it('remembers each thing of a pipeline, and forgets each by itself', () => {
    const memory = new VerdictMemory(new FakePipelines());
    const hold = { reason: 'a', since: 1 };
    memory.change(trace('x'), { hold });
    memory.change(trace('x'), { reasonBeforeUnknown: 'b' });
    assert.deepEqual([memory.of(trace('x')).hold, memory.of(trace('x')).reasonBeforeUnknown], [hold, 'b']);
    memory.change(trace('x'), { hold: undefined });
    assert.deepEqual([memory.of(trace('x')).hold, memory.of(trace('x')).reasonBeforeUnknown], [undefined, 'b']);
    memory.change(trace('x'), { reasonBeforeUnknown: undefined });
    assert.deepEqual([memory.of(trace('x')), memory.of(trace('y')), memory.size], [{}, {}, 0]);
  });

  it('does not grow with pipelines that are gone', () => {
    const kept = Array.from({ length: 10 }, (_, index) => pipelineOf('TracePipeline', `kept-${index}`));
    const memory = new VerdictMemory(new FakePipelines(...kept));
    for (const { name } of kept) memory.change(trace(name), { reasonBeforeUnknown: 'a' });
    for (let index = 0; index < 5000; index++) memory.change(trace(`gone-${index}`), { reasonBeforeUnknown: 'a' });
    assert.equal(memory.of(trace('gone-0')).reasonBeforeUnknown, undefined);
    for (const { name } of kept) assert.equal(memory.of(trace(name)).reasonBeforeUnknown, 'a');
    assert.ok(memory.size < 1024);
  });
});
