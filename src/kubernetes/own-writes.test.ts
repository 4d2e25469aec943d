import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OwnWrites } from './own-writes.ts';
import type { CachedPipeline } from './pipeline-object.ts';
import { pipelineOf } from '../controller/controller.fixture.ts';

function cached(resourceVersion: string, uid = 'u1'): CachedPipeline {
  const request = { kind: 'TracePipeline', name: 'a' };
  return {
    request,
    pipeline: pipelineOf('TracePipeline', 'a'),
    hasAllConditions: true,
    path: '/a',
    uid,
    resourceVersion,
  };
}

describe('OwnWrites', () => {
  it('gives what was written until the cache has it or something newer', () => {
    const [writes, before, written] = [new OwnWrites(), cached('99'), cached('100')];
    assert.equal(writes.latest('a', before), before);
    writes.add('a', written);
    assert.equal(writes.latest('a', before), written);
    assert.equal(writes.latest('b', before), before);
    for (const version of ['100', '101']) {
      writes.add('a', written);
      const now = cached(version);
      assert.equal(writes.latest('a', now), now);
      assert.equal(writes.size, 0);
      assert.equal(writes.latest('a', before), before);
    }
  });

  it('gives the cache the last word on one that is gone, or gone and there again, or whose versions are no numbers', () => {
    for (const now of [undefined, cached('50', 'u2'), cached('abc')]) {
      const writes = new OwnWrites();
      writes.add('a', cached('100'));
      assert.equal(writes.latest('a', now), now);
      assert.equal(writes.size, 0);
    }
  });
});
