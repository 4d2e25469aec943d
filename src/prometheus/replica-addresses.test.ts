import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { startFakePrometheus } from './fake-prometheus.fixture.ts';
import { systemClock } from '../runtime/clock.ts';
import { HttpConfig } from '../config/http-config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { ReplicaAddresses, type ResolveHost } from './replica-addresses.ts';

const { signal } = new AbortController();

function addresses(
  t: TestContext,
  urls: readonly string[],
  resolveHost: ResolveHost | undefined,
  resolve: 'one' | 'all',
) {
  const replicas = new ReplicaAddresses({
    urls,
    resolve,
    ...(resolveHost !== undefined && { resolveHost }),
    timeoutMs: 5000,
    maxResponseBytes: 10_000,
    maxFiringBytes: 100_000,
    version: 'test',
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
    httpConfig: HttpConfig.parse({}),
  });
  t.after(() => replicas.close());
  return replicas;
}

const nameOf = ({ address }: { readonly address: string }): string => address;

describe('ReplicaAddresses', () => {
  it('has one replica a URL, and resolves nothing itself, with resolve: one', async (t) => {
    const unasked: ResolveHost = () => assert.fail('resolved');
    const replicas = addresses(t, ['http://a:1', 'http://b:2/p'], unasked, 'one');
    const first = await replicas.current(signal);
    assert.deepEqual(first.map(nameOf), ['http://a:1', 'http://b:2/p']);
    assert.deepEqual(await replicas.current(signal), first);
  });

  it('has one replica an address with resolve: all, in one order, and looks the name up anew each time', async (t) => {
    let found = ['10.0.0.2', '10.0.0.1', '10.0.0.2'];
    const replicas = addresses(t, ['http://prometheus-operated:9090'], () => Promise.resolve(found), 'all');
    const [one, two] = await replicas.current(signal);
    assert.deepEqual(
      [one, two].map((client) => nameOf(client!)),
      ['http://prometheus-operated:9090 (10.0.0.1)', 'http://prometheus-operated:9090 (10.0.0.2)'],
    );
    found = ['10.0.0.2', '10.0.0.3'];
    const next = await replicas.current(signal);
    assert.equal(next[0], two, 'its connections are kept');
    assert.equal(nameOf(next[1]!), 'http://prometheus-operated:9090 (10.0.0.3)');
  });

  it('tells those apart that look alike without their credentials, by their place in prometheus.url', async (t) => {
    const urls = ['http://a:1', 'http://t0ken@b:1/p', 'http://one:s3cret@b:1/p/', 'http://b:1'];
    const resolveHost: ResolveHost = (host) =>
      host === 'b' ? Promise.resolve(['10.0.0.1']) : Promise.reject(new Error('no'));
    const one = await addresses(t, urls, undefined, 'one').current(signal);
    assert.deepEqual(one.map(nameOf), ['http://a:1', 'http://b:1/p (URL 2)', 'http://b:1/p (URL 3)', 'http://b:1']);
    const all = await addresses(t, urls, resolveHost, 'all').current(signal);
    assert.deepEqual(all.map(nameOf).slice(1, 3), ['http://b:1/p (URL 2, 10.0.0.1)', 'http://b:1/p (URL 3, 10.0.0.1)']);
    const away = await addresses(t, urls, () => Promise.reject(new Error('no')), 'all').current(signal);
    assert.deepEqual(away.map(nameOf).slice(1, 3), ['http://b:1/p (URL 2)', 'http://b:1/p (URL 3)']);
  });

  it('takes an address for itself', async (t) => {
    const unasked: ResolveHost = () => assert.fail('resolved');
    const replicas = addresses(t, ['http://127.0.0.1:9', 'http://[::1]:9'], unasked, 'all');
    assert.deepEqual((await replicas.current(signal)).map(nameOf), [
      'http://127.0.0.1:9 (127.0.0.1)',
      'http://[::1]:9 (::1)',
    ]);
  });

  it('has a name that does not resolve fail with just that, and the others be asked', async (t) => {
    const resolveHost: ResolveHost = (host) =>
      host === 'a'
        ? Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))
        : Promise.resolve(['10.0.0.1']);
    const [a, b] = await addresses(t, ['http://a:1', 'http://b:1'], resolveHost, 'all').current(signal);
    await assert.rejects(a!.query(signal), { kind: 'dns', message: /at http:\/\/a:1 does not resolve \(ENOTFOUND\)/ });
    assert.equal(nameOf(b!), 'http://b:1 (10.0.0.1)');
  });

  it('gives up a name that is not resolved until the signal is aborted', async (t) => {
    const gaveUp = new AbortController();
    const asked = addresses(t, ['http://a:1'], () => new Promise(() => undefined), 'all').current(gaveUp.signal);
    gaveUp.abort(new Error('too slow'));
    await assert.rejects((await asked)[0]!.query(signal), { name: 'PrometheusError' });
  });

  it('asks each address while the Host stays that of the URL', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    prometheus.answer([{ labels: { alertname: 'A' }, state: 'firing' }]);
    const url = `http://prometheus.invalid:${prometheus.port}`;
    const replicas = addresses(t, [url], () => Promise.resolve(['127.0.0.1']), 'all');
    const [client] = await replicas.current(signal);
    assert.deepEqual((await client!.query(signal)).firing, [{ alertname: 'A' }]);
    assert.deepEqual(prometheus.hosts(), [`prometheus.invalid:${prometheus.port}`]);
  });

  it('resolves localhost as the system does', async (t) => {
    const found = (await addresses(t, ['http://localhost:1'], undefined, 'all').current(signal)).map(nameOf);
    assert.ok(found.some((name) => name === 'http://localhost:1 (127.0.0.1)' || name === 'http://localhost:1 (::1)'));
  });
});
