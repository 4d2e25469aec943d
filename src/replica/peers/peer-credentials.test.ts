import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Caller } from '../../access/reviews.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { temporaryFolder } from '../../runtime/temporary-folder.fixture.ts';
import { goodPeerMs, ServiceAccountToken, TokenFile, type PeerVerdict } from './peer-credentials.ts';

const account = 'system:serviceaccount:tocsin:tocsin';

function tokenOf(user: string, id: string): string {
  const part = (content: object): string => Buffer.from(JSON.stringify(content)).toString('base64url');
  return `${part({ alg: 'none' })}.${part({ sub: user, id })}.signature`;
}

type Answer = Caller | 'wrong' | 'busy' | 'unknown';

interface Door {
  readonly clock: FakeClock;
  readonly asked: string[];
  /** What Kubernetes says of the next token. */
  answer: Answer;
  judge(token?: string): Promise<PeerVerdict>;
}

async function openDoor(test: TestContext): Promise<Door> {
  const path = join(await temporaryFolder(test), 'token');
  await writeFile(path, `${tokenOf(account, 'own')}\n`);
  const clock = new FakeClock();
  const asked: string[] = [];
  const check = (token: string): Promise<Answer> => {
    asked.push(token);
    return Promise.resolve(door.answer);
  };
  const credentials = new ServiceAccountToken({ clock, file: new TokenFile(path, clock), check });
  const door: Door = {
    clock,
    asked,
    answer: { user: account, uid: '', groups: [], extra: {} },
    judge: (token) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return credentials.judge({ headers } as IncomingMessage);
    },
  };
  return door;
}

describe('the token of a ServiceAccount', () => {
  it('lets in whoever Kubernetes says has the own account, and asks again after two minutes', async (test) => {
    const door = await openDoor(test);
    const other = tokenOf(account, 'other');
    for (let time = 0; time < goodPeerMs; time += 5000) {
      assert.equal(await door.judge(other), 'good');
      door.clock.advance(5000);
    }
    assert.deepEqual(door.asked, [other]);
    door.answer = 'wrong';
    assert.deepEqual(await door.judge(other), {
      status: 401,
      reason: 'the token is none of the audience tocsin-peers',
    });
    assert.equal(door.asked.length, 2);
  });

  it('knows its own token without a question', async (test) => {
    const door = await openDoor(test);
    door.answer = 'unknown';
    assert.equal(await door.judge(tokenOf(account, 'own')), 'good');
    assert.deepEqual(door.asked, []);
  });

  it('lets in nobody else, says why, and remembers no refusal', async (test) => {
    const door = await openDoor(test);
    const stranger: Caller = { user: 'system:serviceaccount:shop:shop', uid: '', groups: [], extra: {} };
    const refusals: readonly (readonly [Answer, number, RegExp])[] = [
      [stranger, 401, /not that of the ServiceAccount of the replicas/],
      ['wrong', 401, /none of the audience/],
      ['busy', 429, /too many tokens/],
      ['unknown', 503, /Kubernetes cannot be asked/],
    ];
    for (const [answer, status, reason] of refusals) {
      door.answer = answer;
      const verdict = await door.judge(tokenOf(account, 'other'));
      assert.ok(verdict !== 'good' && verdict.status === status);
      assert.match(verdict.reason, reason);
    }
    assert.equal(door.asked.length, refusals.length);
    assert.notEqual(await door.judge(), 'good');
  });

  it('trusts a known one while Kubernetes cannot be asked, for as long as it would have been believed anyway', async (test) => {
    const door = await openDoor(test);
    const other = tokenOf(account, 'other');
    await door.judge(other);
    door.answer = 'unknown';
    door.clock.advance(goodPeerMs - 1);
    assert.equal(await door.judge(other), 'good');
    door.clock.advance(1);
    assert.notEqual(await door.judge(other), 'good');
  });

  it('remembers a bounded number of tokens, and forgets the old ones', async (test) => {
    const door = await openDoor(test);
    const judgeAll = async (): Promise<void> => {
      for (let index = 0; index < 200; index++) await door.judge(tokenOf(account, `t${index}`));
    };
    await judgeAll();
    assert.equal(door.asked.length, 200);
    await judgeAll();
    assert.equal(door.asked.length, 200 + 72, '128 are remembered');
    door.clock.advance(goodPeerMs);
    await judgeAll();
    assert.equal(door.asked.length, 200 + 72 + 200);
  });
});
