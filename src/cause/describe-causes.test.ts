import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Causes } from './causes.ts';
import { causeTexts, describeCauses } from './describe-causes.ts';

function causesOf(...alerts: readonly (readonly [key: string, alertname: string | undefined])[]): Causes {
  const causes = new Causes();
  for (const [key, alertname] of alerts) {
    causes.addAlert(key, { labels: alertname === undefined ? {} : { alertname } }, 'firing', 0);
  }
  return causes;
}

describe('causeTexts', () => {
  it('names the newest alert first', () => {
    assert.deepEqual(causeTexts(causesOf(['1', 'A'], ['2', 'B'], ['3', 'C'])), ['C firing', 'B firing', 'A firing']);
    assert.deepEqual(causeTexts(causesOf(['1', 'A'], ['2', 'B'], ['1', 'A'])), ['A firing', 'B firing']);
  });

  it('counts alerts of the same name and status, in the place of the newest of them', () => {
    const causes = causesOf(['1', 'A'], ['2', 'B'], ['3', 'A']);
    causes.addAlert('4', { labels: { alertname: 'B' } }, 'resolved', 0);
    assert.deepEqual(causeTexts(causes), ['B resolved', 'A firing ×2', 'B firing']);
  });

  it('names what is no alert behind the alerts', () => {
    assert.deepEqual(causeTexts(Causes.of('resync', 0)), ['resync']);
    const causes = Causes.union(Causes.of('requeue', 0), causesOf(['1', 'A']));
    assert.deepEqual(causeTexts(causes), ['A firing', 'requeue']);
  });

  it('has words for an alert without a name', () => {
    assert.deepEqual(causeTexts(causesOf(['1', undefined])), ['(no alertname) firing']);
  });

  it('lists 20 at most: the newest, and always what is no alert', () => {
    const many = causesOf(...Array.from({ length: 30 }, (_, n) => [`${n}`, `A${n}`] as const));
    const texts = causeTexts(many);
    assert.equal(texts.length, 20);
    assert.deepEqual([texts[0], texts.at(-1)], ['A29 firing', 'A10 firing']);
    const mixed = causeTexts(Causes.union(Causes.of('start', 0), many));
    assert.deepEqual([mixed.length, mixed[0], mixed[18], mixed[19]], [20, 'A29 firing', 'A11 firing', 'start']);
  });
});

describe('describeCauses', () => {
  it('gives the causes alone when there is no alert among them', () => {
    assert.deepEqual(describeCauses(Causes.of('start', 0)), { causes: ['start'] });
  });

  it('gives the causes, how many alerts there were, repeats included, and the request ids', () => {
    const causes = causesOf(['1', 'A'], ['1', 'A']);
    causes.addRequestId('r1');
    causes.addRequestId('r2');
    assert.deepEqual(describeCauses(causes), { causes: ['A firing'], alerts: 2, request_ids: ['r1', 'r2'] });
  });

  it('says how many request ids it does not name', () => {
    const causes = causesOf(['1', 'A']);
    for (let n = 0; n < 103; n++) causes.addRequestId(`r${n}`);
    const fields = describeCauses(causes);
    assert.equal((fields['request_ids'] as string[]).length, 100);
    assert.equal(fields['more_request_ids'], 3);
  });
});
