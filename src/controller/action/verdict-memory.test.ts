import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakePipelines, pipelineOf, trace } from '../controller.fixture.ts';
import { VerdictMemory } from './verdict-memory.ts';

describe('VerdictMemory', () => {
  it('remembers each thing of a pipeline, and forgets each by itself', () => {
    const memory = new VerdictMemory(new FakePipelines());
    const reported = new Map([['a', 1]]);
    memory.change(trace('x'), { reported });
    memory.change(trace('x'), { loggedAt: 2 });
    assert.deepEqual([memory.of(trace('x')).reported, memory.of(trace('x')).loggedAt], [reported, 2]);
    memory.change(trace('x'), { reported: new Map() });
    assert.deepEqual([memory.of(trace('x')).reported?.size, memory.of(trace('x')).loggedAt], [0, 2]);
    memory.change(trace('x'), { loggedAt: undefined });
    assert.deepEqual([memory.of(trace('x')), memory.of(trace('y')), memory.size], [{}, {}, 0]);
  });

  it('does not grow with pipelines that are gone', () => {
    const kept = Array.from({ length: 10 }, (_, index) => pipelineOf('TracePipeline', `kept-${index}`));
    const memory = new VerdictMemory(new FakePipelines(...kept));
    for (const { name } of kept) memory.change(trace(name), { loggedAt: 1 });
    for (let index = 0; index < 5000; index++) memory.change(trace(`gone-${index}`), { loggedAt: 1 });
    assert.equal(memory.of(trace('gone-0')).loggedAt, undefined);
    for (const { name } of kept) assert.equal(memory.of(trace(name)).loggedAt, 1);
    assert.ok(memory.size < 1024);
  });
});
