import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NotLeadingError } from '../../reconcile/errors.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { WriteGate } from './write-gate.ts';

const never = new AbortController().signal;
const [read, write] = [{ method: 'GET' }, { method: 'PATCH' }];

function bench() {
  const listeners = new Set<() => void>();
  const leadership = {
    isLeading: true,
    term: 1,
    leader: 'a',
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const gate = new WriteGate(leadership, new FakeClock());
  const set = (isLeading: boolean): void => {
    leadership.isLeading = isLeading;
    for (const listener of listeners) listener();
  };
  return { leadership, listeners, gate, set };
}

/** A call that ends only when it is aborted, as one whose answer never comes. */
function hanging(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(new Error('the call was aborted')), { once: true }),
  );
}

describe('WriteGate', { timeout: 30_000 }, () => {
  it('lets reads pass whether this process leads or not, and writes only while it leads', async () => {
    const { gate, set } = bench();
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) gate.check({ method });
    set(false);
    gate.check(read);
    assert.equal(await gate.run(read, never, () => Promise.resolve('read')), 'read');
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'])
      assert.throws(() => gate.check({ method }), NotLeadingError);
    let runs = 0;
    await assert.rejects(
      gate.run(write, never, async () => void runs++),
      NotLeadingError,
    );
    assert.equal(runs, 0);
  });

  it('asks at the moment of the write: nobody tells a process that was paused that it has lost the lease', () => {
    const { gate, leadership } = bench();
    gate.check(write);
    leadership.isLeading = false;
    assert.throws(() => gate.check(write), NotLeadingError);
  });

  it('ends the writes that are under way when the lease is lost, and no reads', async () => {
    const { gate, set } = bench();
    const caller = new AbortController();
    const writes = [gate.run(write, never, hanging), gate.run({ method: 'POST' }, never, hanging)];
    const reading = gate.run(read, caller.signal, hanging);
    const outcomes = Promise.allSettled(writes);
    set(false);
    for (const outcome of await outcomes)
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof NotLeadingError);
    caller.abort();
    await assert.rejects(reading, /the call was aborted/);
  });

  it('does not end what goes on while this process keeps the lease', async () => {
    const { gate, set } = bench();
    const { promise, resolve } = Promise.withResolvers<string>();
    const writing = gate.run(write, never, () => promise);
    set(true);
    resolve('written');
    assert.equal(await writing, 'written');
  });

  it('ends a write with its caller, whose reason it keeps, and not as if the lease were lost', async () => {
    const { gate } = bench();
    const reasonOf = async (signal: AbortSignal): Promise<never> => {
      if (!signal.aborted) await hanging(signal).catch(() => undefined);
      throw signal.reason;
    };
    const caller = new AbortController();
    const writing = gate.run(write, caller.signal, reasonOf);
    caller.abort(new Error('too late'));
    await assert.rejects(writing, /too late/);
    await assert.rejects(gate.run(write, caller.signal, reasonOf), /too late/, 'also if it has gone before');
  });

  it('gives the error of a write that failed by itself', async () => {
    const { gate, set } = bench();
    await assert.rejects(
      gate.run(write, never, () => Promise.reject(new Error('409 Conflict'))),
      /409 Conflict/,
    );
    set(false);
  });

  it('listens to nobody once it is closed', () => {
    const { gate, listeners } = bench();
    assert.equal(listeners.size, 1);
    gate.close();
    assert.equal(listeners.size, 0);
  });
});
