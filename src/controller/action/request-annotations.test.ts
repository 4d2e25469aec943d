import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Causes } from '../../cause/causes.ts';
import { annotateDefaults } from '../controller.fixture.ts';
import { requestAnnotations } from './request-annotations.ts';

function causesOf(...alertnames: readonly string[]): Causes {
  const causes = new Causes();
  for (const [index, alertname] of alertnames.entries()) {
    causes.addAlert(String(index), { labels: { alertname, token: 'hunter2' } }, 'firing', 1000 + index);
  }
  return causes;
}

describe('requestAnnotations', () => {
  it('gives the time of the newest cause, the same for a retry, and the newest alert first', () => {
    const expected = {
      'tocsin.dev/requested-at': '1970-01-01T00:00:01.001Z',
      'tocsin.dev/cause': 'B firing, A firing',
    };
    assert.deepEqual(requestAnnotations(causesOf('A', 'B'), annotateDefaults), expected);
    assert.deepEqual(requestAnnotations(causesOf('A', 'B'), annotateDefaults), expected);
  });

  it('takes other keys, a word instead of the time, and no cause', () => {
    const config = {
      requested_at_key: 'argocd.argoproj.io/refresh',
      requested_at_value: 'normal',
      cause_key: null,
    };
    assert.deepEqual(requestAnnotations(causesOf('A'), config), { 'argocd.argoproj.io/refresh': 'normal' });
  });

  it('holds nothing of an alert but its name', () => {
    assert.ok(!JSON.stringify(requestAnnotations(causesOf('A'), annotateDefaults)).includes('hunter2'));
  });
});
