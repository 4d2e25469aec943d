import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AlertStore } from '../../alert/alert-store.ts';
import { posted } from '../../alert/alert-store.fixture.ts';
import type { Alert } from '../../alert/alert.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { BodyReceipts, maxReceipts, receiptOf, receiptsOf, WaitingBodies } from './body-receipts.ts';
import { maxToldAlerts } from './told-alerts.ts';
import { sameReceptionMs } from './told-format.ts';

function alerts(...names: readonly string[]): readonly Alert[] {
  const store = new AlertStore(() => ({ maxAlerts: 1000, maxBytes: 10_000_000, resolveTimeoutMs: 300_000 }));
  return names.map((name) => {
    const stored = store.put(posted({ labels: { alertname: name } }), 0, 1);
    assert.ok(typeof stored !== 'string');
    return stored.alert;
  });
}

/** As they come over the wire. */
function missing(receipts: BodyReceipts, ...asked: readonly (readonly [string, readonly Alert[]])[]): unknown {
  const bodies = asked.map(([text, given]) => ({ receipt: receiptOf(Buffer.from(text), given), alerts: given }));
  return receipts.missing(receiptsOf(bodies));
}

describe('BodyReceipts', () => {
  it('know a body that came whole, and no other', () => {
    const receipts = new BodyReceipts(new FakeClock());
    const [one, two] = [alerts('A', 'B'), alerts('A', 'C')];
    receipts.note(receiptOf(Buffer.from('[1]'), one));
    assert.deepEqual(missing(receipts, ['[1]', one], ['[2]', one], ['[1]', two], ['[1] ', one]), [1, 2, 3]);
  });

  it('know exactly those that were noted, whatever the bodies are', () => {
    const body = fc.tuple(fc.string({ maxLength: 40 }), fc.subarray([...alerts('A', 'B', 'C', 'D')], { minLength: 1 }));
    fc.assert(
      fc.property(fc.array(body, { maxLength: 8 }), fc.array(body, { maxLength: 8 }), (noted, asked) => {
        const receipts = new BodyReceipts(new FakeClock());
        const nameOf = ([text, given]: (typeof asked)[number]): string =>
          JSON.stringify([text, given.map(({ key }) => key)]);
        // Of two bodies with the same bytes, the later one is known.
        const known = new Map(noted.map((each) => [each[0], nameOf(each)]));
        for (const [text, given] of noted) receipts.note(receiptOf(Buffer.from(text), given));
        assert.deepEqual(
          missing(receipts, ...asked),
          asked.flatMap((each, index) => (known.get(each[0]) === nameOf(each) ? [] : [index])),
        );
      }),
    );
  });

  it('forget a body after some seconds: a later one with the same bytes is another reception', () => {
    const clock = new FakeClock();
    const receipts = new BodyReceipts(clock);
    const given = alerts('A');
    receipts.note(receiptOf(Buffer.from('[1]'), given));
    clock.advance(sameReceptionMs / 2 - 1);
    assert.deepEqual(missing(receipts, ['[1]', given]), []);
    clock.advance(sameReceptionMs);
    assert.deepEqual(missing(receipts, ['[1]', given]), [0]);
  });

  it('keep no more than a number of bodies', () => {
    const receipts = new BodyReceipts(new FakeClock());
    const given = alerts('A');
    for (let body = 0; body < 3 * maxReceipts; body++) receipts.note({ body, keys: 1 });
    receipts.note(receiptOf(Buffer.from('[1]'), given));
    assert.deepEqual(missing(receipts, ['[1]', given]), []);
    const told = receiptsOf([{ receipt: { body: 1, keys: 1 }, alerts: given }]);
    assert.deepEqual(receipts.missing(told), [0]);
  });

  it('are not read from a list that lacks a byte', () => {
    assert.equal(new BodyReceipts(new FakeClock()).missing(Buffer.alloc(13)), undefined);
  });
});

describe('WaitingBodies', () => {
  it('take no more than there is room for, and give out the oldest first', () => {
    const bodies = new WaitingBodies();
    const [given] = alerts('A');
    const large = Array.from({ length: maxToldAlerts - 1 }, () => given!);
    assert.equal(bodies.add({ body: 1, keys: 1 }, large), true);
    assert.equal(bodies.add({ body: 2, keys: 2 }, [given!, given!]), false);
    assert.equal(bodies.add({ body: 3, keys: 3 }, [given!]), true);
    assert.equal(bodies.size, maxToldAlerts);
    assert.deepEqual(
      bodies.take(1).map(({ receipt }) => receipt.body),
      [1],
    );
    assert.equal(bodies.size, 1);
  });
});
