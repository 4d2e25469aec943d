import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { causeFields } from './cause.fixture.ts';
import { Causes } from './causes.ts';
import { addCause } from './add-cause.ts';
import { newAlert } from '../alert/new-alert.fixture.ts';

const huge = 'x'.repeat(20_000);

describe('addCause', () => {
  it('names an alert by its key, with its labels, its status and the time', () => {
    const causes = new Causes();
    const alert = newAlert({ alertname: 'A', job: 'api' });
    addCause(causes, alert, 'resolved', 5);
    const cause = { labels: alert.labels, status: 'resolved', firstSeen: 5, lastSeen: 5, count: 1 };
    assert.deepEqual(
      [...causes.alerts].map(([key, named]) => [key, causeFields(named)]),
      [[alert.key, cause]],
    );
  });

  it('keeps of an alert with huge labels neither them nor its key', () => {
    const causes = new Causes();
    addCause(causes, newAlert({ alertname: 'A', huge }), 'firing', 5);
    const [key, cause] = [...causes.alerts][0]!;
    assert.match(key, /^[0-9a-f]{64}$/);
    assert.deepEqual(cause.labels, { alertname: 'A' });
  });

  it('tells huge alerts apart that have the same brief labels, and knows each again', () => {
    const causes = new Causes();
    for (const end of ['1', '2', '1']) addCause(causes, newAlert({ alertname: 'A', huge: huge + end }), 'firing', 5);
    assert.deepEqual(
      [...causes.alerts.values()].map(({ count }) => count),
      [1, 2],
    );
  });
});
