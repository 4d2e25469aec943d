import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ApiError } from '../api/api-error.ts';
import { readWatchEvent } from './watch-event.ts';

const metadata = { name: 'a', resourceVersion: '5' };

describe('readWatchEvent', () => {
  it('reads the events of an object and bookmarks', () => {
    for (const type of ['ADDED', 'MODIFIED', 'DELETED']) {
      assert.deepEqual(readWatchEvent({ type, object: { metadata } }, ''), { type, object: { metadata } });
    }
    const bookmark = { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } };
    assert.deepEqual(readWatchEvent(bookmark, ''), { type: 'BOOKMARK', resourceVersion: '9' });
  });

  it('throws the status of an ERROR', () => {
    const object = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
    assert.throws(
      () => readWatchEvent({ type: 'ERROR', object }, ''),
      (error) => error instanceof ApiError && error.status === 410 && /410 Expired: too old/.test(error.message),
    );
  });

  it('throws ApiError, and nothing else, for everything that is no event, and quotes the line', () => {
    const wrong = [null, [], '', { type: 'ADDED' }, { type: 'X', object: {} }, { type: 'ERROR' }];
    const close = [
      { type: 'ADDED', object: { metadata: { name: 'a' } } },
      { type: 'ADDED', object: { metadata: { ...metadata, namespace: {} } } },
      { type: 'BOOKMARK', object: { metadata: {} } },
    ];
    for (const found of [...wrong, ...close]) {
      const isQuoted = (error: unknown): boolean => error instanceof ApiError && error.message.includes('the line');
      assert.throws(() => readWatchEvent(found, 'the line'), isQuoted, JSON.stringify(found));
    }
    fc.assert(fc.property(fc.jsonValue(), (found) => assert.throws(() => readWatchEvent(found, ''), ApiError)));
  });
});
