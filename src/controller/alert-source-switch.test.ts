import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { AlertSourceSwitch } from './alert-source-switch.ts';
import type { AlertSnapshot, AlertSource } from './ports.ts';

const { signal } = new AbortController();

describe('AlertSourceSwitch', () => {
  it('asks the present source; who has asked the earlier one gets its answer', async () => {
    const late = Promise.withResolvers<AlertSnapshot>();
    const [one, two] = [1, 2].map((takenAt) => ({ takenAt, firing: new FiringAlerts([]) }));
    const earlier: AlertSource = { pulls: true, snapshot: () => late.promise };
    const present: AlertSource = { pulls: false, snapshot: () => Promise.resolve(two!) };
    const alerts = new AlertSourceSwitch(earlier);
    const asked = alerts.snapshot(0, [], signal);
    assert.equal(alerts.pulls, true);
    alerts.use(present);
    assert.equal(alerts.pulls, false);
    assert.equal((await alerts.snapshot(0, [], signal)).takenAt, 2);
    late.resolve(one!);
    assert.equal((await asked).takenAt, 1);
  });
});
