import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { causeFields } from './causes.fixture.ts';
import { Causes, maxNamedCauses, describeBriefly, describeCauses, causeText } from './causes.ts';
import { type CauseStatus } from './cause.ts';

/** Everything that causes hold, in order, for comparison. */
function contents(causes: Causes): unknown {
  const { triggers, alerts, requestIds, alertCount, incomplete, omittedRequestIds, firstSeen, lastSeen } = causes;
  return {
    triggers: [...triggers],
    alerts: [...alerts].map(([key, cause]) => [key, causeFields(cause)]),
    requestIds: [...requestIds],
    alertCount,
    incomplete,
    omittedRequestIds,
    firstSeen,
    lastSeen,
  };
}

function addAlerts(causes: Causes, from: number, to: number): Causes {
  for (let n = from; n < to; n++) causes.addAlert(`k${n}`, { labels: { alertname: `A${n}` } }, 'firing', n);
  return causes;
}

function addRequestIds(causes: Causes, from: number, to: number): Causes {
  for (let n = from; n < to; n++) causes.addRequestId(`r${n}`);
  return causes;
}

const numbered = (prefix: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `${prefix}${from + index}`);

describe('Causes', () => {
  it('is empty at first', () => {
    assert.deepEqual(contents(new Causes()), {
      triggers: [],
      alerts: [],
      requestIds: [],
      alertCount: 0,
      incomplete: false,
      omittedRequestIds: 0,
      firstSeen: Number.POSITIVE_INFINITY,
      lastSeen: Number.NEGATIVE_INFINITY,
    });
  });

  it('can consist of a trigger alone, which no earlier snapshot may answer', () => {
    const causes = Causes.of('resync', 70);
    assert.deepEqual([...causes.triggers], ['resync']);
    assert.deepEqual([causes.alertCount, causes.lastSeen], [0, 70]);
  });

  it('names an alert with its labels, status, times and count', () => {
    const causes = new Causes();
    const labels = { alertname: 'A' };
    causes.addAlert('k', { labels }, 'firing', 5);
    assert.deepEqual([...causes.triggers], ['alert']);
    const cause = { labels, status: 'firing', firstSeen: 5, lastSeen: 5, count: 1 };
    assert.deepEqual([...causes.alerts.values()].map(causeFields), [cause]);
    assert.equal(causes.alertCount, 1);
  });

  it('keeps the last status of an alert that is added again, and counts it', () => {
    const causes = new Causes();
    causes.addAlert('k', { labels: { alertname: 'A' } }, 'firing', 5);
    causes.addAlert('other', { labels: { alertname: 'B' } }, 'firing', 6);
    causes.addAlert('k', { labels: { alertname: 'A' } }, 'resolved', 9);
    const { status, firstSeen, lastSeen, count } = causes.alerts.get('k')!;
    assert.deepEqual([status, firstSeen, lastSeen, count], ['resolved', 5, 9, 2]);
    assert.deepEqual([...causes.alerts.keys()], ['other', 'k']);
    assert.deepEqual([causes.alertCount, causes.firstSeen, causes.lastSeen], [3, 5, 9]);
  });

  it('names the 100 most recent alerts, and counts all', () => {
    const causes = addAlerts(new Causes(), 0, maxNamedCauses);
    assert.equal(causes.incomplete, false);
    causes.addAlert('k0', { labels: { alertname: 'A0' } }, 'firing', 200);
    assert.equal(causes.incomplete, false);
    addAlerts(causes, 100, 102);
    assert.equal(causes.incomplete, true);
    assert.deepEqual([...causes.alerts.keys()], [...numbered('k', 3, 100), 'k0', 'k100', 'k101']);
    assert.deepEqual([causes.alertCount, causes.firstSeen, causes.lastSeen], [103, 0, 200]);
  });

  it('names the 100 most recent request ids, and counts the others', () => {
    const causes = addRequestIds(new Causes(), 0, maxNamedCauses);
    causes.addRequestId('r0');
    assert.equal(causes.omittedRequestIds, 0);
    addRequestIds(causes, 100, 103);
    assert.deepEqual([...causes.requestIds], [...numbered('r', 4, 100), 'r0', ...numbered('r', 100, 103)]);
    assert.equal(causes.omittedRequestIds, 3);
  });

  it('keeps the time of the first alert, not of other triggers, for which nobody waits', () => {
    const causes = Causes.union(Causes.of('requeue', 10), addAlerts(new Causes(), 50, 52));
    assert.deepEqual([causes.firstSeen, causes.lastSeen], [50, 51]);
    assert.equal(Causes.union(causes, Causes.of('resync', 90)).lastSeen, 90);
  });

  it('counts alerts that a sender cut off, and is incomplete from then on', () => {
    const causes = new Causes();
    causes.addTruncated(3, 10);
    assert.deepEqual([[...causes.triggers], causes.truncatedAlerts, causes.alertCount], [['truncated'], 3, 0]);
    assert.deepEqual([causes.incomplete, causes.firstSeen, causes.lastSeen], [true, 10, 10]);
    const union = Causes.union(causes, addAlerts(new Causes(), 0, 1));
    union.absorb(causes);
    assert.deepEqual([union.truncatedAlerts, union.incomplete], [6, true]);
  });
});

describe('Causes.absorb', () => {
  it('takes over everything that the other holds', () => {
    const earlier = addRequestIds(addAlerts(new Causes(), 0, 3), 0, 2);
    const later = addRequestIds(addAlerts(Causes.of('pipeline', 1), 1, 4), 1, 3);
    earlier.absorb(later);
    assert.deepEqual([...earlier.triggers], ['alert', 'pipeline']);
    assert.deepEqual(
      [...earlier.alerts].map(([key, { count }]) => [key, count]),
      [
        ['k0', 1],
        ['k1', 2],
        ['k2', 2],
        ['k3', 1],
      ],
    );
    assert.deepEqual([...earlier.requestIds], ['r0', 'r1', 'r2']);
    assert.deepEqual([earlier.alertCount, earlier.firstSeen, earlier.lastSeen], [6, 0, 3]);
  });

  it('has the same bounds as adding, and the same exact counts', () => {
    const earlier = addRequestIds(addAlerts(new Causes(), 0, 80), 0, 150);
    earlier.absorb(addRequestIds(addAlerts(new Causes(), 80, 200), 150, 300));
    assert.deepEqual([...earlier.alerts.keys()], numbered('k', 100, 200));
    assert.deepEqual([...earlier.requestIds], numbered('r', 200, 300));
    assert.deepEqual([earlier.alertCount, earlier.incomplete, earlier.omittedRequestIds], [200, true, 200]);
  });

  it('stays incomplete even if the alerts that it names would fit', () => {
    const causes = new Causes();
    causes.absorb(addAlerts(new Causes(), 0, 101));
    assert.equal(causes.incomplete, true);
    assert.equal(Causes.union(Causes.of('start', 0), causes).incomplete, true);
  });

  it('shares nothing with the other that a later add would change', () => {
    const earlier = new Causes();
    const later = addAlerts(new Causes(), 0, 2);
    const before = contents(later);
    earlier.absorb(later);
    addAlerts(earlier, 0, 1);
    assert.deepEqual(contents(later), before);
    assert.equal(earlier.alerts.get('k0')?.count, 2);
  });
});

describe('Causes.union', () => {
  it('returns the same causes for a union with themselves', () => {
    const causes = addAlerts(new Causes(), 0, 1);
    assert.equal(Causes.union(causes, causes), causes);
    assert.equal(causes.alertCount, 1);
  });
});

describe('Causes, whatever is added', () => {
  interface Add {
    readonly kind: 'alert' | 'request';
    readonly id: number;
    readonly status: CauseStatus;
    readonly after: number;
  }

  function applied(adds: readonly (Add & { readonly at: number })[]): Causes {
    const causes = new Causes();
    for (const { kind, id, status, at } of adds) {
      if (kind === 'request') causes.addRequestId(`r${id}`);
      else causes.addAlert(`k${id}`, { labels: { alertname: `A${id % 7}` } }, status, at);
    }
    return causes;
  }

  /** Adds in the order of time, with at most `ids` different alerts and request ids. */
  function schedule(ids: number, maxLength: number): fc.Arbitrary<readonly (Add & { readonly at: number })[]> {
    const add: fc.Arbitrary<Add> = fc.record({
      kind: fc.constantFrom('alert', 'alert', 'request'),
      id: fc.nat(ids - 1),
      status: fc.constantFrom<CauseStatus>('firing', 'resolved', 'expired'),
      after: fc.nat(1_000),
    });
    return fc.array(add, { maxLength, size: 'max' }).map((adds) => {
      let at = 0;
      return adds.map((one) => ({ ...one, at: (at += one.after) }));
    });
  }

  /** Shrinking such long sequences takes minutes; the seed is printed instead. */
  const unshrunk = { endOnFailure: true };

  /** Where a sequence is cut, in hundredths of its length. */
  const cuts = fc.array(fc.nat(100), { maxLength: 5 });

  /** Cuts the sequence into pieces and makes causes of each. */
  function pieces<T>(sequence: readonly T[], where: readonly number[]): readonly (readonly T[])[] {
    const ends = [...where.map((cut) => Math.floor((cut * sequence.length) / 100)), sequence.length].sort(
      (a, b) => a - b,
    );
    return ends.map((end, index) => sequence.slice(ends[index - 1] ?? 0, end));
  }

  it('are equal to the union of any split of them, within the bounds', () => {
    fc.assert(
      fc.property(schedule(maxNamedCauses, 150), cuts, (adds, where) => {
        const union = pieces(adds, where).map(applied).reduce(Causes.union, new Causes());
        assert.deepEqual(contents(union), contents(applied(adds)));
      }),
      unshrunk,
    );
  });

  it('name the same alerts as the union of any split beyond the bounds, with the same exact counts', () => {
    fc.assert(
      fc.property(schedule(400, 1500), cuts, (adds, where) => {
        const whole = applied(adds);
        const union = pieces(adds, where).map(applied).reduce(Causes.union, new Causes());
        assert.deepEqual([...union.alerts.keys()], [...whole.alerts.keys()]);
        assert.deepEqual([...union.requestIds], [...whole.requestIds]);
        assert.equal(union.incomplete, whole.incomplete);
        assert.deepEqual(
          [union.alertCount, union.firstSeen, union.lastSeen],
          [whole.alertCount, whole.firstSeen, whole.lastSeen],
        );
      }),
      unshrunk,
    );
  });

  it('never name more than the 100 most recent, and say when that is not all', () => {
    fc.assert(
      fc.property(fc.constantFrom(90, 110, 400), schedule(400, 1500), (differing, all) => {
        const adds = all.filter(({ id }) => id < differing);
        const causes = applied(adds);
        const recent = (kind: Add['kind']): string[] => {
          const ids = adds.filter((add) => add.kind === kind).map(({ id }) => `${kind === 'alert' ? 'k' : 'r'}${id}`);
          return [...new Set(ids.toReversed())].toReversed();
        };
        const [alerts, requests] = [recent('alert'), recent('request')];
        assert.deepEqual([...causes.alerts.keys()], alerts.slice(-maxNamedCauses));
        assert.deepEqual([...causes.requestIds], requests.slice(-maxNamedCauses));
        assert.equal(causes.incomplete, alerts.length > maxNamedCauses);
        assert.equal(causes.omittedRequestIds > 0, requests.length > maxNamedCauses);
        assert.equal(causes.alertCount, adds.filter(({ kind }) => kind === 'alert').length);
      }),
      unshrunk,
    );
  });

  it('are not changed by a union of them', () => {
    fc.assert(
      fc.property(schedule(150, 200), schedule(150, 200), schedule(150, 50), (a, b, more) => {
        const [first, second] = [applied(a), applied(b)];
        const before = [contents(first), contents(second)];
        const union = Causes.union(first, second);
        union.absorb(applied(more));
        assert.deepEqual([contents(first), contents(second)], before);
      }),
      unshrunk,
    );
  });
});

function causesOf(...alerts: readonly (readonly [key: string, alertname: string | undefined])[]): Causes {
  const causes = new Causes();
  for (const [key, alertname] of alerts) {
    causes.addAlert(key, { labels: alertname === undefined ? {} : { alertname } }, 'firing', 0);
  }
  return causes;
}

describe('Causes.texts', () => {
  it('names the newest alert first', () => {
    assert.deepEqual(causesOf(['1', 'A'], ['2', 'B'], ['3', 'C']).texts, ['C firing', 'B firing', 'A firing']);
    assert.deepEqual(causesOf(['1', 'A'], ['2', 'B'], ['1', 'A']).texts, ['A firing', 'B firing']);
  });

  it('counts alerts of the same name and status in the place of the newest', () => {
    const causes = causesOf(['1', 'A'], ['2', 'B'], ['3', 'A']);
    causes.addAlert('4', { labels: { alertname: 'B' } }, 'resolved', 0);
    assert.deepEqual(causes.texts, ['B resolved', 'A firing ×2', 'B firing']);
  });

  it('puts triggers that are not alerts behind the alerts', () => {
    assert.deepEqual(Causes.of('resync', 0).texts, ['resync']);
    const causes = Causes.union(Causes.of('requeue', 0), causesOf(['1', 'A']));
    assert.deepEqual(causes.texts, ['A firing', 'requeue']);
  });

  it('has a text for an alert without a name', () => {
    assert.deepEqual(causesOf(['1', undefined]).texts, ['(no alertname) firing']);
  });

  it('lists at most 20: the newest alerts, and always the other triggers', () => {
    const many = causesOf(...Array.from({ length: 30 }, (_, n) => [`${n}`, `A${n}`] as const));
    const texts = many.texts;
    assert.equal(texts.length, 20);
    assert.deepEqual([texts[0], texts.at(-1)], ['A29 firing', 'A10 firing']);
    const mixed = Causes.union(Causes.of('start', 0), many).texts;
    assert.deepEqual([mixed.length, mixed[0], mixed[18], mixed[19]], [20, 'A29 firing', 'A11 firing', 'start']);
  });
});

describe('describeCauses', () => {
  it('gives the causes alone if there is no alert among them', () => {
    assert.deepEqual(describeCauses(Causes.of('start', 0)), { causes: ['start'] });
  });

  it('gives the causes, the number of alerts with repeats, and the request ids', () => {
    const causes = causesOf(['1', 'A'], ['1', 'A']);
    causes.addRequestId('r1');
    causes.addRequestId('r2');
    assert.deepEqual(describeCauses(causes), { causes: ['A firing'], alerts: 2, request_ids: ['r1', 'r2'] });
  });

  it('gives the number of request ids that it does not name', () => {
    const causes = causesOf(['1', 'A']);
    for (let n = 0; n < 103; n++) causes.addRequestId(`r${n}`);
    const fields = describeCauses(causes);
    assert.equal((fields['request_ids'] as string[]).length, 100);
    assert.equal(fields['more_request_ids'], 3);
  });

  it('names the 20 newest request ids, and counts the others, where many lines are about the same causes', () => {
    const causes = causesOf(['1', 'A']);
    for (let n = 0; n < 103; n++) causes.addRequestId(`r${n}`);
    const fields = describeBriefly(causes);
    assert.deepEqual(
      fields['request_ids'],
      Array.from({ length: 20 }, (_, index) => `r${index + 83}`),
    );
    assert.equal(fields['more_request_ids'], 83);
  });

  it('tells what was added after it was asked before', () => {
    const causes = causesOf(['1', 'A']);
    assert.deepEqual(describeCauses(causes)['causes'], ['A firing']);
    causes.absorb(causesOf(['2', 'B']));
    causes.addTruncated(1, 5);
    assert.deepEqual(describeCauses(causes)['causes'], ['B firing', 'A firing', 'truncated']);
  });
});

function causesNaming(...alertnames: readonly string[]): Causes {
  const causes = new Causes();
  for (const [index, alertname] of alertnames.entries()) {
    causes.addAlert(String(index), { labels: { alertname, token: 'hunter2' } }, 'firing', 1000 + index);
  }
  return causes;
}

describe('causeText', () => {
  it('is cut at 256 characters, with a sign that it was cut', () => {
    const text = causeText(causesNaming('A'.repeat(300)));
    assert.deepEqual([text.length, text.at(-1), text.startsWith('AAA')], [256, '…', true]);
    assert.equal(causeText(causesNaming('A'.repeat(249))), `${'A'.repeat(249)} firing`);
  });

  it('is one well-formed line of at most 256 characters that begins with the newest alert, whatever the names are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1 }), (names) => {
        const text = causeText(causesNaming(...names));
        assert.ok(text.length <= 256 && text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text));
        const plain = /^[\w-]*/.exec(names.at(-1)!)![0];
        assert.ok(text.startsWith(plain.slice(0, 250)));
      }),
    );
  });
});
