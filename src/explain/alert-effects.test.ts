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
});
