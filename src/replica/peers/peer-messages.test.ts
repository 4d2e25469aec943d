import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { digestType } from './alert-digest.ts';
import { elect, startReplicas, testToken, type TestReplica } from './replicas.fixture.ts';
import { marksAnnotation } from './replication.ts';

/**
 * What replicas say to each other, as versions of before said it. These texts stay as they are: during an update, one of the version before
 * stands beside each new one. A change that breaks one of these tests breaks such an update.
 */
const frozen = {
  /** Before replicas told their process, their configuration and their clock. */
  firstHello: { version: 1, identity: 'other_1', leading: true, term: 7, tocsin: '0.0.9' },
  hello: {
    version: 1,
    identity: 'other_1',
    leading: true,
    term: 7,
    tocsin: '0.1.0',
    time: 1796083200000,
    instance: '53c8c5f0',
    config: '7be3ff2f5f6f3b59',
  },
  told: { version: 1, term: 7, mark: 1, covered: 0, missing: [0] },
  alert:
    '{"labels":{"alertname":"Down","namespace":"shop"},"annotations":{"summary":"a \\"b\\"\\n"},"startsAt":"2026-12-01T00:00:00.123Z","endsAt":"2099-12-01T00:00:00.456Z","generatorURL":"http://p/g"}',
  /** Of that alert. */
  digest: 'aaa48eb100492609455e2a84b5009a874c4dcb71',
  line: '{"labels":{"alertname":"Other"},"annotations":{},"startsAt":"2026-12-01T00:00:00.123Z","updatedAt":1796083200000,"timeout":true,"endsAt":4099680000456}\n',
  marks: '{"version":1,"term":7,"covered":{"":1}}',
};
const digestMedia = 'application/vnd.tocsin.digests.v1';
/** What a later version may add anywhere. */
const later = { version: 2, invented: { later: [1, 'two'] } };

interface Other {
  readonly url: string;
  /** `METHOD path type body`, in the order in which they came. */
  readonly calls: string[];
}

/** A replica of another version: it answers each path with a text. */
async function startOther(test: TestContext, answers: Readonly<Record<string, unknown>>): Promise<Other> {
  const calls: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = await buffer(request);
      const path = request.url!.replace('/api/peers/v1/', '').replace(/\?.*/, '');
      calls.push([request.method, request.url, request.headers['content-type'] ?? '-', shown(request, body)].join(' '));
      const answer = answers[path];
      response.writeHead(answer === undefined ? 404 : 200);
      response.end(
        typeof answer === 'string' ? answer : JSON.stringify(answer ?? { code: 404, message: 'no such path' }),
      );
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}

function shown({ headers }: IncomingMessage, body: Buffer): string {
  return headers['content-type'] === digestMedia ? body.toString('hex') : body.toString();
}

async function follow(test: TestContext, answers: Readonly<Record<string, unknown>>): Promise<[TestReplica, Other]> {
  const other = await startOther(test, answers);
  const [replica] = await startReplicas(test, [0], 1, [other.url]);
  replica!.leadership.set('other_1', 7);
  return [replica!, other];
}

async function peerOf(replica: TestReplica): Promise<{ readonly isUp: boolean; readonly failure: string | undefined }> {
  return eventually(
    () => replica.replication.peers.states.find(({ url }) => url !== replica.url)!,
    ({ isUp, failure }) => isUp || failure !== undefined,
  );
}

function ask(replica: TestReplica, path: string, body?: Buffer | string, type = digestMedia): Promise<Response> {
  const headers = { authorization: `Bearer ${testToken}`, ...(body !== undefined && { 'content-type': type }) };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body };
  return fetch(`${replica.url}/api/peers/v1/${path}`, init);
}

async function names(replica: TestReplica): Promise<readonly string[]> {
  const answer = await fetch(`${replica.url}/api/v2/alerts`);
  const alerts = (await answer.json()) as readonly { readonly labels: { readonly alertname: string } }[];
  return alerts.map(({ labels }) => labels.alertname).toSorted();
}

describe('a replica beside one of another version', () => {
  for (const [what, hello] of [
    ['the first version', frozen.firstHello],
    ['this version', frozen.hello],
    ['a later version', { ...frozen.hello, ...later }],
  ] as const)
    it(`understands the greeting of ${what}, and what it adds`, async (test) => {
      const [replica] = await follow(test, { hello, unlike: '' });
      assert.equal((await peerOf(replica)).isUp, true);
      const [state] = replica.replication.peers.states.filter(({ identity }) => identity === 'other_1');
      assert.equal(state?.hello?.tocsin, hello.tocsin);
    });

  it('says plainly that it cannot understand one that says too little', async (test) => {
    const [replica] = await follow(test, { hello: { ...later, name: 'other_1' } });
    const { failure } = await peerOf(replica);
    assert.match(
      failure ?? '',
      /^its greeting cannot be understood \(identity: .*of a version that may run beside this one\?$/,
    );
  });

  for (const [what, more] of [
    ['one of this version', {}],
    ['a later one', later],
  ] as const)
    it(`tells the leader, ${what}, what it lacks, in the words of the first version`, async (test) => {
      const answers = {
        hello: { ...frozen.hello, ...more },
        told: { ...frozen.told, ...more },
        alerts: '{}',
        unlike: '',
      };
      const [replica, { calls }] = await follow(test, answers);
      await peerOf(replica);
      await replica.post([JSON.parse(frozen.alert) as object]);
      // Before, it may have said that it knows nothing.
      const said = await eventually(
        () => calls.map((call) => call.replace(/\?\S*/, '')),
        (found) => found.some((call) => call.startsWith('POST /api/peers/v1/alerts ')),
      );
      assert.ok(said.includes(`POST /api/peers/v1/told ${digestMedia} ${frozen.digest}`), said.join('\n'));
      assert.ok(said.includes(`POST /api/peers/v1/alerts application/json [${frozen.alert}]`), said.join('\n'));
    });

  it('reads the list of another one, whatever else is on its lines', async (test) => {
    const more = `${JSON.stringify({ ...(JSON.parse(frozen.line) as object), labels: { alertname: 'Later' }, ...later })}\n`;
    const [replica] = await follow(test, { hello: frozen.firstHello, unlike: frozen.line + more });
    await peerOf(replica);
    assert.deepEqual(await names(replica), ['Later', 'Other']);
  });

  it('as the leader, answers a follower of the first version, and ignores what a later one asks besides', async (test) => {
    const [leader] = await startReplicas(test, [0]);
    elect([leader!], leader!, 7);
    const digest = Buffer.from(frozen.digest, 'hex');
    const told = async (query = ''): Promise<unknown> => (await ask(leader!, `told${query}`, digest)).json();
    assert.deepEqual(await told(), { version: 1, term: 7, mark: 1, covered: 0, missing: [0] });
    assert.equal((await ask(leader!, 'alerts?invented=1', `[${frozen.alert}]`, 'application/json')).status, 200);
    const { missing } = (await told('?invented=1')) as { readonly missing: unknown };
    assert.deepEqual(missing, [], 'the digest is still that of the same alert');
    const unlike = await ask(leader!, 'unlike?invented=1', Buffer.alloc(0));
    const [line = ''] = (await unlike.text()).split('\n');
    const { updatedAt: _, ...rest } = JSON.parse(line) as { readonly updatedAt: number };
    assert.deepEqual(rest, JSON.parse(frozen.alert));
  });

  it('says plainly which form it expects of what it does not know', async (test) => {
    const [leader] = await startReplicas(test, [0]);
    elect([leader!], leader!, 7);
    assert.equal(digestType, digestMedia);
    for (const path of ['told', 'unlike']) {
      const answer = await ask(leader!, path, Buffer.from('x'), 'application/vnd.tocsin.digests.v2');
      assert.equal(answer.status, 415);
      assert.match(
        await answer.text(),
        /found the media type application\/vnd\.tocsin\.digests\.v2, expected application\/vnd\.tocsin\.digests\.v1/,
      );
    }
    assert.equal((await ask(leader!, 'invented')).status, 404);
  });

  it('reads in the lease how far its holder is, and writes there what others read', async (test) => {
    const [replica] = await follow(test, { hello: frozen.hello, told: { ...frozen.told, missing: [] }, unlike: '' });
    replica.queue.added = 3;
    replica.queue.isWaiting = true;
    await replica.post([JSON.parse(frozen.alert) as object]);
    const read = (text: string): void => replica.replication.leaseSays({ [marksAnnotation]: text });
    for (const damaged of ['', '{', 'null', '{"version":2}', '{"term":"7","covered":{}}']) read(damaged);
    assert.equal(replica.queue.dropped, 0);
    await eventually(
      () => {
        read(JSON.stringify({ ...(JSON.parse(frozen.marks) as object), ...later }));
        return replica.queue.dropped;
      },
      (dropped) => dropped === 3,
    );
    replica.leadership.set(replica.name, 8);
    assert.deepEqual(replica.replication.annotations, { [marksAnnotation]: '{"version":1,"term":8,"covered":{"":0}}' });
  });
});
