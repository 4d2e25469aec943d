import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Readable } from 'node:stream';
import { LeaseConflict, type LeaseWrite } from '../../replica/election.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { SliceSchedule } from '../../runtime/slices.ts';
import { FakeApiClient, forbidden } from '../api/fake-api-client.fixture.ts';
import { KubernetesLease } from './lease.ts';

const path = '/apis/coordination.k8s.io/v1/namespaces/tocsin/leases/main';
const never = new AbortController().signal;
const acquired: LeaseWrite = { holder: 'a_1', durationSeconds: 15, transitions: 1, isNewTerm: true };
const renewed: LeaseWrite = { ...acquired, isNewTerm: false };

function start(): { client: FakeApiClient; clock: FakeClock; lease: KubernetesLease; lines: string[] } {
  const client = new FakeApiClient();
  const clock = new FakeClock(Date.parse('2026-11-30T20:00:00.123Z'));
  const lines: string[] = [];
  const open = (): Promise<Readable> => {
    const line = lines.shift();
    if (line === undefined) return Promise.reject(new Error('none'));
    return Promise.resolve(Readable.from([Buffer.from(`${line}\n`)]));
  };
  const parts = { client: Object.assign(client, { open, close: async () => {} }) };
  const lease = new KubernetesLease({
    ...parts,
    clock,
    schedule: new SliceSchedule(clock),
    namespace: 'tocsin',
    name: 'main',
  });
  return { client, clock, lease, lines };
}

describe('a Lease of Kubernetes', () => {
  it('is not there before somebody creates it', async () => {
    const { lease } = start();
    assert.equal(await lease.read(never), undefined);
  });

  it('is created as client-go writes it', async () => {
    const { client, lease } = start();
    const state = await lease.create(acquired, { 'tocsin.dev/marks': 'x' }, never);
    assert.deepEqual(client.get(path)?.['spec'], {
      holderIdentity: 'a_1',
      leaseDurationSeconds: 15,
      leaseTransitions: 1,
      acquireTime: '2026-11-30T20:00:00.123000Z',
      renewTime: '2026-11-30T20:00:00.123000Z',
    });
    assert.deepEqual(await lease.read(never), state);
    assert.deepEqual([state.holder, state.transitions, state.annotations], ['a_1', 1, { 'tocsin.dev/marks': 'x' }]);
  });

  it('is created by one only', async () => {
    const { lease } = start();
    await lease.create(acquired, {}, never);
    await assert.rejects(lease.create({ ...acquired, holder: 'b_1' }, {}, never), LeaseConflict);
  });

  it('has another stamp after a renewal, and the same time of acquisition', async () => {
    const { client, clock, lease } = start();
    const first = await lease.create(acquired, {}, never);
    clock.advance(2000);
    const second = await lease.update(renewed, first.version, {}, never);
    assert.notEqual(second.stamp, first.stamp);
    const { acquireTime, renewTime } = client.get(path)!['spec'] as Record<string, unknown>;
    assert.deepEqual([acquireTime, renewTime], ['2026-11-30T20:00:00.123000Z', '2026-11-30T20:00:02.123000Z']);
  });

  it('is not written over a version that its writer has not seen', async () => {
    const { lease } = start();
    const first = await lease.create(acquired, {}, never);
    await lease.update(renewed, first.version, { other: 'write' }, never);
    await assert.rejects(lease.update(renewed, first.version, {}, never), LeaseConflict);
  });

  it('is not written once it is deleted', async () => {
    const { client, lease } = start();
    const first = await lease.create(acquired, {}, never);
    client.delete(path);
    await assert.rejects(lease.update(renewed, first.version, {}, never), LeaseConflict);
  });

  it('keeps what others have written into it', async () => {
    const { client, lease } = start();
    const first = await lease.create(acquired, { gone: 'soon' }, never);
    const object = client.get(path)!;
    client.put(path, {
      ...object,
      metadata: { ...(object['metadata'] as object), labels: { team: 'x' } },
      spec: { ...(object['spec'] as object), strategy: 'OldestEmulationVersion' },
    });
    const seen = await lease.read(never);
    assert.notEqual(seen?.version, first.version);
    assert.equal(seen?.stamp, first.stamp);
    await lease.update(renewed, seen.version, { gone: null, mark: '1' }, never);
    const { metadata, spec } = client.get(path) as Record<string, Record<string, unknown>>;
    assert.deepEqual(metadata?.['labels'], { team: 'x' });
    assert.deepEqual(metadata?.['annotations'], { mark: '1' });
    assert.equal(spec?.['strategy'], 'OldestEmulationVersion');
  });

  it('is read whatever somebody has written into it', async () => {
    const { client, lease } = start();
    for (const spec of [undefined, {}, { holderIdentity: null, leaseTransitions: -3, leaseDurationSeconds: 1.5 }]) {
      client.put(path, { metadata: { name: 'main' }, spec });
      const { holder, transitions, durationSeconds } = (await lease.read(never))!;
      assert.deepEqual({ holder, transitions, durationSeconds }, { holder: '', transitions: 0, durationSeconds: 0 });
    }
  });

  it('has its holder in a watch, however much others have written into it', async () => {
    const { clock, lease, lines } = start();
    const told: (string | undefined)[] = [];
    const eventOf = (length: number): string => {
      const metadata = { name: 'main', resourceVersion: '7', annotations: { note: 'x'.repeat(length) } };
      return JSON.stringify({ type: 'MODIFIED', object: { metadata, spec: { holderIdentity: 'a_1' } } });
    };
    // As much as Kubernetes allows; then more than is kept of it.
    lines.push(eventOf(256 * 1024), eventOf(1024 * 1024));
    lease.watch((state) => told.push(state?.holder));
    await clock.advanceAsync(1000);
    assert.deepEqual(told, ['a_1', undefined]);
    await lease.close();
  });

  it('tells which rule of the Role is missing', async () => {
    const { client, lease } = start();
    for (const [verb, call, names] of [
      ['get', () => lease.read(never), ', resourceNames: [main]'],
      ['create', () => lease.create(acquired, {}, never), ''],
      ['patch', () => lease.update(renewed, '1', {}, never), ', resourceNames: [main]'],
    ] as const) {
      client.before = (made) => {
        const sentence = `User "t" cannot ${verb} resource "leases" in API group "coordination.k8s.io" in the namespace "tocsin"`;
        throw forbidden(made, `leases.coordination.k8s.io "main" is forbidden: ${sentence}`);
      };
      const rule = `{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [${verb}]${names}}`;
      await assert.rejects(call(), (error: Error) => {
        assert.ok(error.message.endsWith(`; the Role in the namespace tocsin lacks the rule ${rule}`), error.message);
        return true;
      });
    }
  });
});
