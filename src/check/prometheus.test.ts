import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { chainOf, troubles, type FakeChain } from './chain.fixture.ts';
import { clockSkew, isSupported, prometheus, skewText } from './prometheus.ts';

const now = new FakeClock().now();
const of = (given: FakeChain): Promise<readonly string[]> => troubles(prometheus(chainOf(given)));

describe('the category prometheus', () => {
  it('is good for a Prometheus that is', async () => assert.deepEqual(await of({}), []));

  it('does not apply without a Prometheus', async () =>
    assert.match((await prometheus(chainOf({ servers: [] })).whyNot?.()) ?? '', /^no prometheus.url/));

  it('says so where only Tocsin knows which Prometheus there is, and does not tell', async () =>
    assert.match(
      (await prometheus(chainOf({ servers: [], status: new Error('refused') })).whyNot?.()) ?? '',
      /^which Prometheus there is only Tocsin knows, and it does not tell: .* --prometheus.url/,
    ));

  it('stops where a Prometheus cannot be asked, with its reason', async () => {
    const version = (): Promise<string> => Promise.reject(new Error('it refused the connection'));
    assert.deepEqual(await of({ servers: [{}, { version }] }), ['error prom-reachable: it refused the connection']);
  });

  for (const [flags, why] of [
    [{ agent: 'true', 'config.file': 'x' }, /agent mode/],
    [{ 'enable-feature': 'a,agent', 'config.file': 'x' }, /agent mode/],
    [{}, /Thanos/],
  ] as const)
    it(`stops at a server with the flags ${JSON.stringify(flags)}`, async () => {
      const [found, ...more] = await of({ servers: [{ flags: () => Promise.resolve(flags) }] });
      assert.match(found ?? '', /^error prom-kind: http:\/\/127/);
      assert.match(found ?? '', why);
      assert.deepEqual(more, []);
    });

  it('says why a server does not tell its flags', async () => {
    const flags = (): Promise<never> => Promise.reject(new Error('it did not answer within 10 s'));
    assert.match((await of({ servers: [{ flags }] })).join(), /^error prom-kind: .*\(it did not answer within 10 s\)/);
  });

  it('warns of an old version, and of no other', async () => {
    const version = (): Promise<string> => Promise.resolve('2.41.0');
    assert.match((await of({ servers: [{ version }] })).join(), /^warning prom-version: Prometheus 2.41.0 at /);
    for (const good of ['2.42.0+ds', '2.55.1', '3.0.0-rc.1', '10.0', 'v2.42.0', 'main']) assert.ok(isSupported(good));
    for (const bad of ['2.41.9', '1.99.0', 'v0.37.2']) assert.ok(!isSupported(bad));
  });

  it('fails if the clocks differ by more than ten seconds, in either direction', async () => {
    const at = (ms: number): FakeChain => ({ servers: [{ time: () => Promise.resolve(now + ms) }] });
    assert.deepEqual(await of(at(10_000)), []);
    assert.match((await of(at(10_500))).join(), /^error prom-clock: .* is 10.5 s ahead; allowed are 10s: /);
    assert.match((await of(at(-61_000))).join(), /^error prom-clock: .* is 61.0 s behind/);
  });

  it('counts no skew that the time of the question explains', () => {
    const time = fc.integer({ min: 0, max: 1e6 });
    fc.assert(
      fc.property(time, time, time, (before, took, theirs) => {
        const skew = clockSkew(before, theirs, before + took);
        const corrected = theirs - skew;
        assert.ok(corrected >= before && corrected <= before + took);
        assert.equal(skew === 0, theirs >= before && theirs <= before + took);
      }),
    );
    assert.equal(skewText(50), 'agrees');
  });

  it('warns of paths that nobody chose', async () => {
    const flags = { 'config.file': '/etc/p.yml', 'storage.tsdb.path': 'data/' };
    const [found] = await of({ servers: [{ flags: () => Promise.resolve(flags) }] });
    assert.match(found ?? '', /^warning prom-flags: .* runs with the default --storage.tsdb.path=data\/, relative to/);
  });
});
