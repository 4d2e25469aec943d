import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { backend, changedRun, fact, FakeApi } from './fake-api.fixture.ts';

const changed = fact('condition.changed', { ...backend, run: '636bcf51', ...changedRun.transition }, 7);
const received = fact(
  'alerts.received',
  { request_id: 'my-test', alerts: 1, bytes: 80, verdicts: { woke: 'a5jhAg==' } },
  8,
);

/** Sends facts to one who follows, and then ends the connection. */
async function following(t: Parameters<typeof FakeApi.start>[0], ...turns: readonly object[][]): Promise<FakeApi> {
  const api = await FakeApi.start(t);
  const left = [...turns];
  api.reply('GET /api/tocsin/v1/live', (_, response) => {
    const events = (left.shift() ?? []).map(
      (each) => `id: ${(each as { id: number }).id}\ndata: ${JSON.stringify(each)}\n\n`,
    );
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end(`: beat\n\n${events.join('')}`);
  });
  return api;
}

describe('tocsin tail', () => {
  it('tells each fact in a line of at most 100 columns', async (t) => {
    const api = await following(t, [changed, received]);
    const { code, stdout } = await api.run('tail', '--limit=2');
    assert.equal(code, 0);
    assert.deepEqual(stdout.split('\n'), [
      '00:00:00.021  condition.changed    TracePipeline/backend  True FlowHealthy → False GatewayThrottling',
      '00:00:00.021  alerts.received      a line of the log  request_id=my-test',
      '',
    ]);
  });

  it('begins a line about a trigger with its key, and says what is wrong with it', async (t) => {
    const trigger = 'alerttrigger/shop/db';
    const rejected = fact('trigger.rejected', { trigger, problem: 'the namespace shop opts out' }, 9);
    const throttled = fact('trigger.throttled', { ...backend, trigger, because: 'budget' }, 10);
    const looked = fact('requests.enqueued', { event_id: 'e', trigger: 'manual' }, 11);
    const api = await following(t, [rejected, throttled, looked]);
    const { stdout } = await api.run('tail', '--limit=3', '-o', 'wide');
    assert.deepEqual(stdout.trimEnd().split('\n'), [
      '00:00:00.021  trigger.rejected     alerttrigger/shop/db  the namespace shop opts out',
      '00:00:00.021  trigger.throttled    alerttrigger/shop/db  TracePipeline/backend  a line of the log  because=budget',
      '00:00:00.021  requests.enqueued    a line of the log  event_id=e trigger=manual',
    ]);
  });

  it('prints a line of JSON each', async (t) => {
    const api = await following(t, [changed, received]);
    const { stdout } = await api.run('tail', '--limit=2', '-o', 'json');
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      [changed, received],
    );
  });

  it('asks for what it is to follow', async (t) => {
    const api = await following(t, [changed]);
    const args = [
      '--filter=severity="critical"',
      '--filter',
      'Down',
      '--pipeline=tracepipeline/backend',
      '--event=condition.changed',
    ];
    await api.run('tail', '--limit=1', ...args);
    const { query } = api.asked[0]!;
    assert.deepEqual(query.getAll('filter'), ['severity="critical"', 'alertname="Down"']);
    assert.deepEqual([query.get('pipeline'), query.get('event')], ['tracepipeline/backend', 'condition.changed']);
  });

  it('goes on after the last fact when the connection ends', async (t) => {
    const api = await following(t, [changed], [received]);
    const { code, stdout, stderr } = await api.run('tail', '--limit=2', '-o', 'json');
    assert.equal(code, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 2);
    assert.equal(api.asked[1]?.headers['last-event-id'], '7');
    assert.match(stderr, /ended the connection: trying again/);
  });

  it('says that facts were forgotten', async (t) => {
    const api = await FakeApi.start(t);
    api.reply('GET /api/tocsin/v1/live', (_, response) => {
      response.end(`event: gap\ndata: {"after":1,"before":7}\n\nid: 7\ndata: ${JSON.stringify(changed)}\n\n`);
    });
    const { stderr } = await api.run('tail', '--limit=1');
    assert.match(stderr, /facts were forgotten/);
  });

  it('fails where it is refused', async (t) => {
    const api = await FakeApi.start(t);
    api.reply('GET /api/tocsin/v1/live', (_, response) => {
      response.writeHead(503).end('{"code":503,"message":"64 readers follow already"}');
    });
    const { code, stderr } = await api.run('tail');
    assert.equal(code, 1);
    assert.match(stderr, /answers 503: 64 readers follow already/);
  });
});
