import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Status } from '../explain/schema-status.ts';
import { chainOf, troubles } from './chain.fixture.ts';
import { replicas } from './replicas.ts';

const follower: NonNullable<Status['replica']> = {
  identity: 'b_1',
  lease: 'tocsin/tocsin',
  leading: false,
  leader: 'a_1',
  term: 3,
};

const of = (replica?: Status['replica']): Promise<readonly string[]> =>
  troubles(replicas(chainOf({ status: replica === undefined ? {} : { replica } })));

describe('the category replicas', () => {
  it('is good for the only replica', async () => assert.deepEqual(await of(), []));

  it('is good for a leader and for a follower', async () => {
    assert.deepEqual(await of({ ...follower, leading: true, leader: 'b_1' }), []);
    assert.deepEqual(await of(follower), []);
  });

  it('is good while the next leader has time', async () =>
    assert.deepEqual(await of({ ...follower, waiting_for_leader_seconds: 60 }), []));

  it('fails if nobody leads, and says what is not done and where to look', async () => {
    const [found = ''] = await of({ ...follower, waiting_for_leader_seconds: 61 });
    assert.match(
      found,
      /^error replicas-leader: nobody has led for 1m1s, so no condition is written: see lease\.failed/,
    );
    assert.match(found, /tocsin\/tocsin/);
  });
});
