import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { systemClock } from '../runtime/clock.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { createPrometheusClient } from '../prometheus/prometheus-client.ts';
import { startFakePrometheus } from '../prometheus/fake-prometheus.fixture.ts';
import { Config } from '../config/config.ts';
import { denyPrivate } from './address-guard.ts';

const guard = denyPrivate();

const resolving =
  (...addresses: readonly string[]): LookupFunction =>
  (_host, _options, resolved) =>
    resolved(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

function found(lookup: LookupFunction, all: boolean): Promise<unknown> {
  return new Promise((resolve, reject) => {
    guard.around(lookup)('name', { all }, (error, address) => {
      if (error === null) resolve(address);
      else reject(error);
    });
  });
}

const privateHosts = [
  '127.0.0.1',
  '127.1.2.3',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '255.255.255.255',
  '[::1]',
  '[::]',
  '[fd00::1]',
  '[fe80::1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:10.0.0.1]',
  '[64:ff9b::a00:1]',
  // What a URL makes of other spellings.
  '2130706433',
  '0x7f.1',
  '017700000001',
];

describe('a guard against private addresses', () => {
  for (const host of privateHosts)
    it(`refuses http://${host}`, () => assert.throws(() => guard.check(`http://${host}:9090/x`), /deny_private/));

  for (const host of ['8.8.8.8', '172.32.0.1', '[2001:db8::1]', 'localhost'])
    it(`leaves http://${host} alone`, () => guard.check(`http://${host}/`));

  it('leaves out the private addresses of a name, and refuses one that has no other', async () => {
    const both = resolving('10.0.0.1', '8.8.8.8', '::1');
    assert.deepEqual(await found(both, true), [{ address: '8.8.8.8', family: 4 } satisfies LookupAddress]);
    assert.equal(await found(both, false), '8.8.8.8');
    await assert.rejects(found(resolving('10.0.0.1', '::1'), true), /10\.0\.0\.1, ::1/);
  });

  it('judges the address at which a name is found when the connection is made', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    const url = prometheus.url.replace('127.0.0.1', 'localhost');
    const query = (guarded: boolean): Promise<unknown> => {
      const client = createPrometheusClient({
        url,
        clock: systemClock,
        schedule: new SliceSchedule(systemClock),
        timeoutMs: 5000,
        maxResponseBytes: 100_000,
        maxFiringBytes: 100_000,
        version: 'test',
        httpConfig: Config.parse({}).prometheus.http_config,
        environment: {},
        ...(guarded && { guardFor: () => guard }),
      });
      return client.query(new AbortController().signal).finally(() => client.close());
    };
    await query(false);
    await assert.rejects(query(true), /localhost is at a private address .*deny_private/);
  });
});
