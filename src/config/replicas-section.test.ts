import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseConfigFile } from './load-config.ts';

function problemsOf(text: string): readonly string[] {
  const parsed = parseConfigFile('tocsin.yml', text);
  return 'problems' in parsed ? parsed.problems : [];
}

function leaseProblems(lease: string): readonly string[] {
  return problemsOf(`replicas: {lease: ${lease}}\n`);
}

describe('replicas', () => {
  it('are one by default, with the timings of client-go', () => {
    const parsed = parseConfigFile('tocsin.yml', '');
    assert.ok('config' in parsed);
    const { enabled, identity, lease, service, peers, advertise, token_file } = parsed.config.replicas;
    assert.deepEqual(
      { enabled, identity, lease, service, peers, advertise, token_file },
      {
        enabled: 'auto',
        identity: null,
        lease: { namespace: null, name: 'tocsin', duration: 15_000, renew_deadline: 10_000, retry_period: 2000 },
        service: 'tocsin-peers',
        peers: [],
        advertise: null,
        token_file: null,
      },
    );
  });

  for (const enabled of ['auto', 'true', 'false'])
    it(`may be ${enabled}`, () => assert.deepEqual(problemsOf(`replicas: {enabled: ${enabled}}\n`), []));

  it('are refused for any other word', () => {
    const [problem] = problemsOf('replicas: {enabled: maybe}\n');
    assert.match(problem ?? '', /replicas\.enabled: found "maybe", allowed: auto, true or false/);
  });

  it('need a lease that outlasts the deadline of its leader, and the message names both', () => {
    const [problem, ...more] = leaseProblems('{duration: 10s, renew_deadline: 10s}');
    assert.deepEqual(more, []);
    assert.match(
      problem ?? '',
      /replicas\.lease\.duration: found "10s", allowed: longer than renew_deadline, which is "10s"/,
    );
  });

  it('need a deadline that leaves time for another try with its jitter, and the message names both', () => {
    const [problem, ...more] = leaseProblems('{renew_deadline: 12s, retry_period: 10s}');
    assert.deepEqual(more, []);
    const words =
      /replicas\.lease\.renew_deadline: found "12s", allowed: longer than 1.2 times retry_period, which is "10s"/;
    assert.match(problem ?? '', words);
  });

  it('may have every timing that breaks no other', () => {
    assert.deepEqual(leaseProblems('{duration: 3s, renew_deadline: 2s, retry_period: 1s}'), []);
    assert.deepEqual(leaseProblems('{duration: 10m, renew_deadline: 5m, retry_period: 1m}'), []);
  });

  for (const key of ['duration', 'renew_deadline', 'retry_period'])
    it(`refuse a ${key} under a second`, () => {
      const [problem] = leaseProblems(`{${key}: 999ms}`);
      assert.match(
        problem ?? '',
        new RegExp(`replicas\\.lease\\.${key}: found "999ms", allowed: a duration from 1s to 10m`),
      );
    });

  for (const identity of ['réplica', 'a☃', 'a b', 'a,b', 'x'.repeat(254), ''])
    it(`refuse the name ${JSON.stringify(identity.slice(0, 9))}, which the others could not read in a header`, () => {
      const [problem] = problemsOf(`replicas: {identity: ${JSON.stringify(identity)}}\n`);
      assert.match(problem ?? '', /replicas\.identity: .*allowed: a name of at most 253 ASCII characters/);
    });

  for (const wrong of [
    'http_config: {basic_auth: {username: a, password: sesam}}',
    'http_config: {authorization: {credentials: sesam}}',
    'http_config: {http_headers: {authorization: {values: [sesam]}}}',
    'http_config: {proxy_url: "http://sesam:1"}',
    'http_config: {proxy_from_environment: true}',
    'peers: ["http://a:sesam@b"]',
    'advertise: "http://a:sesam@b"',
  ])
    it(`refuse ${wrong}, since they show each other their token`, () => {
      const [problem, ...more] = problemsOf(`replicas: {${wrong}}\n`);
      assert.match(problem ?? '', /replicas\.(?:http_config|peers\.0|advertise): .*token/);
      assert.deepEqual([more, problem?.includes('sesam')], [[], false]);
    });

  it('take certificates and headers for their calls', () => {
    const config = '{tls_config: {ca_file: ca.crt}, http_headers: {X-Route: {values: [a]}}}';
    assert.deepEqual(problemsOf(`replicas: {http_config: ${config}}\n`), []);
  });

  it('refuse names that no object can have', () => {
    assert.equal(leaseProblems('{name: Tocsin_1}').length, 1);
    assert.equal(leaseProblems('{namespace: a/b}').length, 1);
  });
});
