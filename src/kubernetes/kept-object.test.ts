import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectMemory } from './kept-object.ts';

/** 1 KiB of each is for the overhead of an object. */
const oneObject = 10_240;
const kept = oneObject - 1024;

describe('ObjectMemory', () => {
  it('is for the objects of all resources together', () => {
    const memory = new ObjectMemory(3 * oneObject);
    const [pods, nodes] = [memory.share(), memory.share()];
    assert.deepEqual([pods.hold('a', kept), nodes.hold('b', kept), pods.hold('c', kept)], [true, true, true]);
    assert.equal(nodes.hold('d', 0), false);
    pods.release('a');
    assert.equal(nodes.hold('d', kept), true);
    assert.equal(nodes.acceptListed(kept), true);
    assert.deepEqual([nodes.acceptListed(kept), nodes.acceptListed(kept)], [true, false]);
  });

  it('counts an object that changes once, and one that no longer fits not at all', () => {
    const share = new ObjectMemory(2 * oneObject).share();
    for (let times = 0; times < 5; times++) assert.equal(share.hold('a', kept), true);
    assert.equal(share.hold('a', 3 * oneObject), false);
    assert.equal(share.bytes, 0);
    share.release('a');
    assert.equal(share.bytes, 0);
  });

  it('has the room of the old list when a new one is whole, or was abandoned', () => {
    const memory = new ObjectMemory(2 * oneObject);
    const [share, other] = [memory.share(), memory.share()];
    share.hold('a', kept);
    assert.deepEqual([share.acceptListed(kept), share.acceptListed(kept), share.acceptListed(0)], [true, true, false]);
    assert.equal(other.hold('x', 0), false);
    share.giveBackListed(kept, 1);
    share.replace(new Map([['b', kept]]));
    assert.equal(share.bytes, oneObject);
    assert.equal(share.acceptListed(kept), true);
    share.abandonList();
    assert.equal(other.hold('x', kept), true);
  });

  it('gets everything back from a resource that is no longer watched', () => {
    const memory = new ObjectMemory(oneObject);
    const [share, other] = [memory.share(), memory.share()];
    share.hold('a', kept);
    assert.deepEqual([other.hold('b', kept), memory.bytes], [false, oneObject]);
    share.end();
    assert.deepEqual([other.hold('b', kept), memory.bytes], [true, oneObject]);
  });
});
