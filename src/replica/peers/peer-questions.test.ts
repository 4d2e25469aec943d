import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../runtime/clock.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { refuse } from '../../server/request/answer.ts';
import type { PeerRequest } from './peer-client.ts';
import { PeerQuestions, type Known } from './peer-questions.ts';
import type { Peer } from './peers.ts';

const schedule = new SliceSchedule(systemClock);

/** A replica that answers as {@link PeerQuestions.answer} does, over HTTP. */
async function peerThat(test: TestContext, name: string, known: Known): Promise<Peer> {
  const questions = new PeerQuestions({ me: name, known, schedule, tenant: '', peers: { others: [] }, onMissing });
  const server = createServer((request, response) => {
    questions.answer(request, response).catch((error: unknown) => refuse(response, error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  test.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return peer(name, async ({ path }) => {
    const response = await fetch(`http://127.0.0.1:${port}/${path}`);
    if (response.status !== 200) throw new Error(`${response.status}`);
    return response.text();
  });
}

function peer(name: string, call: (request: PeerRequest) => Promise<string>, isUp = true): Peer {
  return { name, isUp, call } as unknown as Peer;
}

function onMissing(): void {}

function asking(others: readonly Peer[], tenant = ''): PeerQuestions {
  const known = (): never => assert.fail('a replica answers from what it knows itself');
  return new PeerQuestions({ me: 'me', known, schedule, tenant, peers: { others }, onMissing });
}

describe('PeerQuestions', () => {
  it('gives what each replica knows, its question being the same', async (test) => {
    const items = [{ id: 1, text: 'two\nlines' }, JSON.parse('{"id":2,"__proto__":"x"}') as object];
    const other = await peerThat(test, 'other', (question) => Promise.resolve({ items, alert: { question } }));
    assert.deepEqual(await asking([other]).ask('/alerts/0a?limit=5&since=1h'), {
      answers: [{ replica: 'other', head: { alert: { question: '/alerts/0a?limit=5&since=1h' } }, items }],
      missing: [],
    });
  });

  it('names those that do not answer, or with something else, and gives what the others know', async (test) => {
    const good = await peerThat(test, 'good', () => Promise.resolve({ items: [] }));
    const broken = ['', 'no JSON\n', '[]\n', '{}\n1\n'].map((text, index) =>
      peer(`broken-${index}`, () => Promise.resolve(text)),
    );
    const down = peer('down', () => assert.fail('one that is down costs nobody half a second'), false);
    const refusing = await peerThat(test, 'refusing', () => Promise.reject(new Error('it knows nothing')));
    const found = await asking([...broken, good, down, refusing]).ask('/history?limit=1');
    assert.deepEqual(found, {
      answers: [{ replica: 'good', head: {}, items: [] }],
      missing: ['broken-0', 'broken-1', 'broken-2', 'broken-3', 'down', 'refusing'],
    });
  });

  it('refuses an answer that is longer than a replica reads', async (test) => {
    const text = 'x'.repeat(1024 * 1024);
    const items = Array.from({ length: 17 }, () => ({ text }));
    const large = await peerThat(test, 'large', () => Promise.resolve({ items }));
    assert.deepEqual((await asking([large]).ask('/history'))?.missing, ['large']);
  });

  it('asks nobody where there is nobody', async () => {
    assert.equal(await asking([]).ask('/history'), undefined);
  });

  it('names the tenant', async () => {
    let path = '';
    const other = peer('other', (request) => {
      path = request.path;
      return Promise.resolve('{}\n');
    });
    await asking([other], 'tenant=a').ask('/alerts?x=1');
    assert.equal(path, 'known?tenant=a&question=%2Falerts%3Fx%3D1');
  });
});
