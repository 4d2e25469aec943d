import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../explain/schema.ts';
import type { Status } from '../explain/schema-status.ts';
import type { ActiveAlert, InspectedServer, LoadedRule } from '../reconcile/server-inspection.ts';
import { ago, chainOf, ruleOf, tocsinTarget, troubles, type FakeChain } from './chain.fixture.ts';
import { Chain } from './chain.ts';
import { delivery } from './delivery.ts';
import { prometheus } from './prometheus.ts';
import { rules } from './rules.ts';
import { configurationProblem, tocsin } from './tocsin.ts';
import { stuck } from './tocsin-work.ts';
import { silent, watchdog } from './watchdog.ts';

const of = (given: FakeChain): Promise<readonly string[]> => troubles(tocsin(chainOf(given)));
const withStatus = (status: Partial<Status>): Promise<readonly string[]> => of({ status });

describe('the category tocsin', () => {
  it('is good for a Tocsin that is', async () => assert.deepEqual(await of({}), []));

  it('is good without a Prometheus', async () => assert.deepEqual(await of({ servers: [] }), []));

  it('stops if Tocsin does not answer', async () =>
    assert.deepEqual(await of({ status: new Error('nobody listens there') }), [
      'error tocsin-healthy: nobody listens there',
    ]));

  it('asks one that does not answer once for all hops before it, and fails if it answers after them', async () => {
    let [isUp, asked] = [false, 0];
    const chain = chainOf({});
    const api = chain.tocsin;
    const answer = <T>(what: () => Promise<T>): Promise<T> => (
      asked++,
      isUp ? what() : Promise.reject(new Error('it hangs'))
    );
    const source: Chain['source'] = {
      ...chain.source,
      tocsin: {
        shownUrl: api.shownUrl,
        get: (shape, path, query) => answer(() => api.get(shape, path, query)),
        send: (method, path) => answer(() => api.send(method, path)),
      },
    };
    const asking = new Chain(source);
    await troubles(prometheus(asking), rules(asking), delivery(asking));
    assert.equal(asked, 1);
    isUp = true;
    assert.match(
      (await troubles(tocsin(asking))).join(),
      /^error tocsin-healthy: .* answers only now: .* run tocsin check again/,
    );
  });

  it('does not ask a Prometheus again that could not be asked', async () => {
    let asked = 0;
    const refuse = (): Promise<never> => (asked++, Promise.reject(new Error('it hangs')));
    const chain = chainOf({
      servers: [{ version: refuse, alertmanagers: refuse, configuration: refuse, groups: refuse, flags: refuse }],
    });
    assert.deepEqual(await troubles(prometheus(chain), tocsin(chain)), ['error prom-reachable: it hangs']);
    assert.equal(asked, 1);
  });

  it('says what to do if something in front of Tocsin answers', async () => {
    const says = async (status: number): Promise<string> => {
      const { source } = chainOf({});
      const send = (): Promise<{ status: number; body: Buffer }> => Promise.resolve({ status, body: Buffer.from('') });
      return (await troubles(tocsin(new Chain({ ...source, tocsin: { ...source.tocsin!, send } })))).join();
    };
    assert.match(await says(401), /answers 401: give name and password, or a token, with --http.config.file/);
    assert.match(await says(503), /answers 503: a proxy stands before it/);
    assert.match(await says(404), /answers 404: is it a Tocsin, and does --url have its route prefix/);
  });

  it('says what is at --url, if it is an Alertmanager or a Prometheus', async () => {
    const { source } = chainOf({ probes: { 'http://127.0.0.1:9093': { is: 'alertmanager', version: '0.34.2' } } });
    const get = (): Promise<never> => Promise.reject(new Error('it has no such page (404)'));
    const found = await troubles(tocsin(new Chain({ ...source, tocsin: { ...source.tocsin!, get } })));
    assert.match(
      found.join(),
      /^error tocsin-status: .*:9093 is an Alertmanager, not Tocsin: give the address of Tocsin/,
    );
  });

  it('warns of another version', async () =>
    assert.match((await withStatus({ version: '1.0.0' })).join(), /^warning tocsin-version: Tocsin 1.0.0 runs/));

  it('fails if its clock differs', async () =>
    assert.match((await withStatus({ time: ago(20_000) })).join(), /^error tocsin-clock: .* is 20.0 s behind/));

  it('fails if Prometheus sends to another process', async () => {
    const probes = { [tocsinTarget]: { is: 'tocsin', instance: 'bbbb' } } as const;
    assert.match((await of({ probes })).join(), /^error tocsin-process: Prometheus sends to another Tocsin, http:/);
  });

  it('tells limits of the last hour as a warning, and no older ones', async () => {
    const limits = [{ limit: 'max_body_size', count: 3, last_reached_at: ago(1000) }];
    assert.match((await withStatus({ limits })).join(), /^warning tocsin-limits: .* max_body_size \(3 times, last at /);
    assert.deepEqual(await withStatus({ limits: [{ ...limits[0]!, last_reached_at: ago(3_600_001) }] }), []);
  });

  it('fails if the queue does not move', async () => {
    const queue = { waiting: 9, running: 8, oldest_seconds: 61, longest_seconds: 5 };
    assert.match((await withStatus({ queue })).join(), /^error tocsin-queue: 9 requests wait, the oldest for 61 s/);
    assert.match(stuck({ waiting: 0, running: 1, longest_seconds: 90 }) ?? '', /a run has been running for 90 s/);
    assert.equal(stuck({ waiting: 9, running: 8, oldest_seconds: 60, longest_seconds: 60 }), undefined);
  });

  it('fails if the last run of a pipeline failed', async () => {
    const run: Run = {
      id: 'r',
      pipeline: { kind: 'TracePipeline', name: 'backend' },
      at: ago(0),
      priority: 'alert',
      triggers: [],
      causes: [],
      more_causes: 0,
      request_ids: [],
      event_ids: [],
      hops: {},
      decided_by: [],
      outcome: 'failed',
      error: 'forbidden',
    };
    const pipelines = [{ kind: 'TracePipeline', name: 'backend', firing: [], paused_by: [], last_run: run }];
    assert.match((await of({ pipelines })).join(), /^error tocsin-reconciles: .*\nTracePipeline\/backend: forbidden\n/);
  });

  it('fails if nothing can be written, with what to do', async () =>
    assert.deepEqual(await withStatus({ storage: { path: '/data', error: 'ENOSPC' } }), [
      'error tocsin-storage: nothing can be written to /data (ENOSPC): the disk is full: free space there, or give it a larger volume',
    ]));

  it('warns if facts were lost', async () =>
    assert.match(
      (await withStatus({ history: { retention_seconds: 60, lost: 5 } })).join(),
      /^warning tocsin-history: 5/,
    ));
});

describe('tocsin-received', () => {
  const firing = (...alerts: readonly ActiveAlert[]): Partial<InspectedServer> => {
    const rule: LoadedRule = ruleOf('TraceGatewayThrottling', { alerts });
    return { groups: () => Promise.resolve([{ name: 'g', file: '/rules/a.yml', rules: [rule] }]) };
  };
  const alert = (state: string, agoMs: number): ActiveAlert => ({ state, activeAt: Date.parse(ago(agoMs)) });

  it('fails if what fires has not come for longer than it may take', async () => {
    const received = { at: ago(111_000), from_prometheus_at: ago(111_000) };
    const given = { servers: [firing(alert('firing', 300_000))], status: { received } };
    assert.match(
      (await of(given)).join(),
      /^error tocsin-received: TraceGatewayThrottling fires in Prometheus, and no alert/,
    );
    assert.deepEqual(await of({ ...given, status: { received: { from_prometheus_at: ago(109_000) } } }), []);
  });

  it('waits for nothing if nothing fires, or has just begun to', async () => {
    for (const active of [[], [alert('pending', 300_000)], [alert('firing', 100_000)]])
      assert.deepEqual(await of({ servers: [firing(...active)], status: { received: {} } }), []);
  });

  it('expects nothing of a Prometheus that drops alerts, or that sends to an Alertmanager between', async () => {
    const server = firing(alert('firing', 300_000));
    const configuration = (): Promise<string> =>
      Promise.resolve('alerting: {alert_relabel_configs: [{action: drop, source_labels: [severity], regex: info}]}\n');
    assert.deepEqual(await of({ servers: [{ ...server, configuration }], status: { received: {} } }), []);
    assert.deepEqual(await of({ servers: [server], status: { received: { at: ago(3_600_000) } } }), []);
  });

  it('is passed over if a hop before it is broken', async () => {
    const version = (): Promise<string> => Promise.reject(new Error('gone'));
    const chain = chainOf({ servers: [{ ...firing(alert('firing', 300_000)), version }], status: { received: {} } });
    assert.deepEqual(await troubles(prometheus(chain), tocsin(chain)), ['error prom-reachable: gone']);
  });
});

describe('tocsin-silences', () => {
  const silence = (state: string, ...matchers: readonly object[]): object => ({
    id: 'f00',
    createdBy: 'ada',
    comment: 'upgrade',
    endsAt: '2026-12-01T00:00:00Z',
    status: { state },
    matchers,
  });
  const matcher = (name: string, value: string, isRegex = true, isEqual = true): object => ({
    name,
    value,
    isRegex,
    isEqual,
  });

  for (const matchers of [
    [matcher('alertname', '.+')],
    [matcher('alertname', '.*'), matcher('namespace', '.*')],
    [matcher('alertname', 'Nothing', false, false)],
    [matcher('alertname', 'TraceGatewayThrottling', false)],
  ])
    it(`fails for ${JSON.stringify(matchers)}`, async () => {
      const [found] = await of({ silences: [silence('active', ...matchers)] });
      assert.match(
        found ?? '',
        /^error tocsin-silences: silence f00 \(.*\), by ada until 2026-12-01T00:00:00Z: "upgrade", pauses every/,
      );
      assert.deepEqual(await of({ silences: [silence('expired', ...matchers)] }), []);
    });

  for (const matchers of [[matcher('alertname', 'Other.*')], [matcher('alertname', '.+'), matcher('team', 'x', false)]])
    it(`lets pass ${JSON.stringify(matchers)}`, async () =>
      assert.deepEqual(await of({ silences: [silence('active', ...matchers)] }), []));
});

describe('tocsin-configuration', () => {
  const running = {
    file: '/etc/tocsin.yml',
    loaded_at: ago(1000),
    sha256: 'aaaa',
    refused: false,
    file_sha256: 'aaaa',
  };

  it('is good if the file is what runs', () => assert.equal(configurationProblem(running), undefined));

  it('names a file that has changed, was refused or cannot be read', () => {
    const cases = [
      [{ file_sha256: 'bbbb' }, /^\/etc\/tocsin.yml has changed \(SHA-256 bbbb…\), and Tocsin runs with/],
      [{ refused: true }, /^the configuration was refused at the last reload, .* check-config \/etc\/tocsin.yml/],
      [{ file_error: 'is not there' }, /^\/etc\/tocsin.yml cannot be read any more \(is not there\)/],
    ] as const;
    for (const [given, why] of cases) assert.match(configurationProblem({ ...running, ...given }) ?? '', why);
  });
});

describe('the category watchdog', () => {
  const check = (status: Partial<Status>): Promise<readonly string[]> => troubles(watchdog(chainOf({ status })));
  const waits = { matcher: 'alertname="Watchdog"', after_seconds: 60 };

  it('is good if the alert was heard', async () => assert.deepEqual(await check({}), []));

  it('warns if none is waited for', async () =>
    assert.match(
      (await check({ watchdog: undefined })).join(),
      /^warning watchdog-configured: receiver.watchdog.matcher is not/,
    ));

  it('fails if it was not heard in time, after a start too', () => {
    const times = { time: ago(0), started_at: ago(61_000) };
    assert.match(silent({ ...waits, received_at: ago(60_001) }, times) ?? '', /for 1m: the last one came at /);
    assert.match(silent(waits, times) ?? '', /none has come since Tocsin started/);
    assert.equal(silent({ ...waits, received_at: ago(60_000) }, times), undefined);
    assert.equal(silent(waits, { ...times, started_at: ago(59_000) }), undefined);
  });
});
