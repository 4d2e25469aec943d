import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { maxPayloadBytes, Payloads, withoutSecrets } from './payloads.ts';
import { cpuMsOf } from '../runtime/slices.fixture.ts';

function request(headers: Readonly<Record<string, string>> = {}): IncomingMessage {
  const rawHeaders = Object.entries(headers).flat();
  return { method: 'POST', url: '/api/v2/alerts', rawHeaders } as unknown as IncomingMessage;
}

function keep(payloads: Payloads, id: string, body = '[]', headers: Readonly<Record<string, string>> = {}): void {
  payloads.keep(request(headers), id, '10.0.0.7:1', Buffer.from(body));
}

describe('Payloads', () => {
  it('keeps the last ones, the newest first, even when their number is changed', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('post'), fc.nat(5)), { maxLength: 40 }), (steps) => {
        let capacity = 3;
        const clock = new FakeClock();
        const payloads = new Payloads(clock, () => capacity, new Registry());
        let expected: string[] = [];
        for (const [index, step] of steps.entries()) {
          if (step === 'post') {
            clock.advance(1000);
            keep(payloads, `r${index}`);
            expected = [`r${index}`, ...expected].slice(0, capacity);
          } else {
            capacity = step;
            payloads.reconfigure();
            expected = expected.slice(0, capacity);
          }
          assert.deepEqual(
            payloads.list().map(({ requestId }) => requestId),
            expected,
          );
        }
      }),
    );
  });

  it('is not disturbed by what its bytes become, nor by what was in its place before', () => {
    const clock = new FakeClock();
    const payloads = new Payloads(clock, () => 1, new Registry());
    keep(payloads, 'r1', 'x'.repeat(40_000), { 'user-agent': 'long' });
    const bytes = Buffer.from('[1]');
    clock.advance(1000);
    payloads.keep(request({ accept: 'a', Accept: 'b' }), 'r2', '10.0.0.7:1', bytes);
    bytes.fill(0);
    const { body, headers, remote, path } = payloads.find('r2')!;
    assert.deepEqual([body, headers, remote, path], ['[1]', { accept: 'a, b' }, '10.0.0.7:1', '/api/v2/alerts']);
  });

  it('keeps 64 KiB of each, and how long it was', () => {
    const payloads = new Payloads(new FakeClock(), () => 1, new Registry());
    keep(payloads, 'r1', 'x'.repeat(maxPayloadBytes + 1));
    const { bytes, body } = payloads.find('r1')!;
    assert.deepEqual([bytes, body.length], [maxPayloadBytes + 1, maxPayloadBytes]);
  });

  it('shows no secret, in any place', () => {
    const payloads = new Payloads(new FakeClock(), () => 1, new Registry());
    const jwt = `eyJhbGciOiJIUzI1NiJ9.${'s3cret'.repeat(3)}.sig-s3cret`;
    const body = JSON.stringify([
      { labels: { alertname: 'A', token: 's3cret' }, annotations: { url: 'https://u:s3cret@host/', note: jwt } },
      { generatorURL: 'http://p/?access_token=s3cret&x=1' },
    ]);
    const headers = {
      authorization: 'Bearer s3cret',
      cookie: 's3cret',
      'x-api-key': 's3cret',
      referer: `http://h/${jwt}`,
    };
    keep(payloads, 'r1', body, headers);
    const kept = payloads.find('r1')!;
    assert.doesNotMatch(JSON.stringify(kept), /s3cret/);
    assert.equal(kept.headers['authorization'], '[redacted]');
    assert.match(kept.body, /"alertname":"A"/);
    assert.match(kept.body, /https:\/\/\[redacted]@host\//);
  });

  for (const [what, body, shown] of [
    ['that was cut', '[{"labels":{"a":"b","token":"s3cret', '[{"labels":{"a":"b","token":"[redacted]"'],
    ['in a text that is itself JSON', String.raw`{"d":"{\"password\":\"s3cret\",\"b\":1}"}`, undefined],
    ['that is a number', '{"token": 123,"b":1}', '{"token": "[redacted]","b":1}'],
    ['in a sentence', 'login failed: password=s3cret user=ann', 'login failed: password=[redacted] user=ann'],
    ['in YAML', 'db_password: s3cret\nuser: ann', 'db_password: [redacted]\nuser: ann'],
    ['in a parameter', '/x?client_secret=s3cret&X-Amz-Signature=s3cret&sig=s3cret&b=1', undefined],
    ['of GitHub', '"ghp_s3cret7890123456789012345"', '"[redacted]"'],
    ['of a Slack webhook', '"https://hooks.slack.com/services/T0/B0/s3cret"', undefined],
    ['that is a private key', '"-----BEGIN RSA PRIVATE KEY-----\\ns3cret\\n-----END RSA PRIVATE KEY-----"', undefined],
    ['that is none', '{"alertname":"TokenExpired","secret":null,"expr":"rate(tokens[5m])"}', undefined],
  ] as const)
    it(`takes a secret out of a body: one ${what}`, () => {
      const payloads = new Payloads(new FakeClock(), () => 1, new Registry());
      keep(payloads, 'r1', body);
      const kept = payloads.find('r1')!.body;
      assert.doesNotMatch(kept, /s3cret|123/);
      if (shown !== undefined) assert.equal(kept, shown);
      if (what === 'that is none') assert.equal(kept, body);
      if (body.startsWith('{')) JSON.parse(kept);
    });

  for (const name of ['X-Hub-Signature-256', 'X-CSRF', 'X-Jwt-Assertion', 'X-Forwarded-Client-Cert', 'Authentication'])
    it(`takes the header ${name} out`, () => {
      const payloads = new Payloads(new FakeClock(), () => 1, new Registry());
      keep(payloads, 'r1', '[]', { [name]: 's3cret' });
      assert.doesNotMatch(JSON.stringify(payloads.find('r1')), /s3cret/);
    });

  for (const piece of ['token', 'eyJ', 'a.', '://', ':"token', 'token"', '\\"token=\\', 'password=', 'Bearer ', 'key='])
    it(`needs no more than its share of time for 64 KiB of ${JSON.stringify(piece)}`, () => {
      const text = `"${piece.repeat(maxPayloadBytes / piece.length)}`;
      const tookMs = cpuMsOf(() => withoutSecrets(text));
      // It takes some 5 ms. Where the time grows with the square of the length it took 500 ms to 2 s.
      assert.ok(tookMs < 250, `${tookMs} ms`);
    });

  it('takes 100 at once and then ten a second, and counts those that it passes over', async () => {
    const [clock, registry] = [new FakeClock(), new Registry()];
    const payloads = new Payloads(clock, () => 2, registry);
    for (let index = 0; index < 103; index++) keep(payloads, `r${index}`);
    const kept = (): readonly string[] => payloads.list().map(({ requestId }) => requestId);
    assert.deepEqual(kept(), ['r99', 'r98']);
    assert.match(await registry.metrics(), /tocsin_history_payloads_passed_over_total 3/);
    clock.advance(1000);
    for (let index = 103; index < 120; index++) keep(payloads, `r${index}`);
    assert.deepEqual(kept(), ['r112', 'r111']);
    clock.advance(60_000);
    for (let index = 120; index < 250; index++) keep(payloads, `r${index}`);
    assert.deepEqual(kept(), ['r219', 'r218']);
  });

  it('keeps nothing with a capacity of 0', () => {
    const payloads = new Payloads(new FakeClock(), () => 0, new Registry());
    keep(payloads, 'r1');
    assert.deepEqual([payloads.list(), payloads.find('r1')], [[], undefined]);
  });
});
