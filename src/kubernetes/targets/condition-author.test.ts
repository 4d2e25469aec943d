import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { authorIn } from './condition-author.ts';

function managed(manager: string, conditions: object | undefined): object {
  return { manager, fieldsV1: { 'f:status': { 'f:replicas': {}, ...(conditions && { 'f:conditions': conditions }) } } };
}

function entry(type: string, ...fields: readonly string[]): object {
  return { [`k:{"type":"${type}"}`]: Object.fromEntries(['.', ...fields].map((field) => [field, {}])) };
}

const whole = ['f:type', 'f:status', 'f:reason'];

describe('authorIn', () => {
  it('names the manager of the reason of the entry, if the list has map keys', () => {
    const fields = [
      managed('tocsin', entry('Ours', ...whole)),
      managed('kube-controller-manager', { ...entry('Theirs', ...whole), ...entry('Ours', 'f:lastUpdateTime') }),
    ];
    assert.deepEqual(
      ['Ours', 'Theirs', 'None'].map((type) => authorIn(fields, type)),
      ['own', 'other', undefined],
    );
  });

  it('knows it of a list without keys only if nobody else writes the status', () => {
    assert.equal(authorIn([managed('tocsin', {})], 'Ours'), 'own');
    assert.equal(authorIn([managed('tocsin', {}), managed('operator', undefined)], 'Ours'), undefined);
    assert.equal(authorIn([managed('operator', {})], 'Ours'), undefined);
  });

  it('knows nothing of what is not noted', () => {
    const spec = { manager: 'kubectl', fieldsV1: { 'f:spec': {} } };
    for (const found of [undefined, [], [spec], 'x', [null, 1]]) assert.equal(authorIn(found, 'Ours'), undefined);
  });

  it('takes anything', () => {
    fc.assert(fc.property(fc.anything(), fc.string(), (found, type) => void authorIn(found, type)));
    fc.assert(fc.property(fc.array(fc.anything()), fc.string(), (found, type) => void authorIn(found, type)));
  });
});
