import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Doubts } from './own-writes.ts';

const path = '/apis/g.org/v1/namespaces/a/things/x';
const at = (resourceVersion: string): { path: string; resourceVersion: string } => ({ path, resourceVersion });
const unwatched = at('');

describe('Doubts', () => {
  it('remain after a write whose answer was lost, until a read shows what the cache has', () => {
    const doubts = new Doubts();
    doubts.add(path);
    assert.ok(doubts.has(at('5')) && doubts.has(at('9')));
    doubts.read(at('9'), '9');
    assert.equal(doubts.has(at('9')), false);
  });

  it('remain after a read of a newer version than the cache has, until the cache has it', () => {
    const doubts = new Doubts();
    doubts.read(at('5'), '7');
    assert.ok(doubts.has(at('6')));
    assert.deepEqual([doubts.has(at('7')), doubts.has(at('6'))], [false, false]);
  });

  for (const [what, happen] of [
    ['a write', (doubts: Doubts) => doubts.written(unwatched, '7')],
    ['a read', (doubts: Doubts) => doubts.read(unwatched, '7')],
  ] as const)
    it(`come of ${what} of an object that is not watched yet, since its first list may be older`, () => {
      const doubts = new Doubts();
      happen(doubts);
      assert.equal(doubts.has(unwatched), false);
      assert.equal(doubts.has(at('5')), true);
      assert.deepEqual([doubts.has(at('7')), doubts.has(at('5'))], [false, false]);
    });

  it('end with the answer to a write of an object that is watched, and with the object', () => {
    const doubts = new Doubts();
    doubts.add(path);
    doubts.written(at('5'), '7');
    assert.equal(doubts.has(at('5')), false);
    doubts.add(path);
    doubts.end(path);
    assert.equal(doubts.has(at('5')), false);
  });
});
