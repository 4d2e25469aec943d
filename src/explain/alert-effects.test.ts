import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fact } from '../history/fact.ts';
import { EffectFinder } from './alert-effects.ts';

const alert = {
  fingerprint: 'f',
  hash: 1,
  alertname: 'A',
  isNotification: false,
  triggers: [],
  optedOut: [],
  isDefault: true,
  isForTeam: false,
};

describe('EffectFinder', () => {
  it('tells once of an event that the end of a silence caused, however often its alerts are named', () => {
    const finder = new EffectFinder(alert);
    const alerts = [{ fingerprint: 'f', status: 'silence expired' }];
    const shared = {
      time: '2026-01-01T00:00:00.000Z',
      level: 'debug',
      event: 'causes.named',
      msg: '',
      alerts,
    } as const;
    const named = (id: number, eventId: string): Fact => ({ ...shared, id, causes_id: eventId });
    const effects = [named(3, 'b'), named(2, 'a'), named(1, 'a')].map((fact) => finder.take(fact));
    assert.deepEqual(
      effects.map((found) => found.map((effect) => effect.event_id)),
      [['b'], ['a'], []],
    );
  });

  it('knows what events woke that became one with another one', () => {
    const finder = new EffectFinder({ ...alert, triggers: ['t', 'u'] });
    const line = { time: '2026-01-01T00:00:00.000Z', level: 'info', msg: '', event_id: 'a' } as const;
    const ids = ['a', 'b'];
    finder.take({ ...line, id: 3, event: 'trigger.storm', event_ids: ids });
    finder.take({ ...line, id: 2, event: 'requests.enqueued', requests: 1, triggers: ['t'], event_ids: ids });
    finder.take({ ...line, id: 1, event: 'trigger.suppressed', trigger: 'u', because: 'suspended', event_ids: ids });
    for (const id of ids) {
      assert.deepEqual(finder.wokenIn(id), ['t'], id);
      assert.deepEqual(finder.heldIn(id)?.triggers, ['u'], id);
      assert.ok(finder.isStorm(id), id);
    }
  });
});
