import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Selections } from './selections.ts';
import type { CachedTarget } from './target-object.ts';

const kind = { apiVersion: 'apps/v1', kind: 'Deployment' };
const pod = { apiVersion: 'v1', kind: 'Pod' };

function target(name: string, app: string): CachedTarget {
  const request = { kind: 'Deployment', group: 'apps', namespace: 'shop', name };
  const pipeline = { ...kind, namespace: 'shop', name, generation: 1, spec: {}, conditions: [] };
  return { request, pipeline, labels: { app }, hasAllConditions: false, path: '', uid: name, resourceVersion: '1' };
}

describe('Selections', () => {
  it('looks at the objects again only when one of the kind came, went or changed its labels', () => {
    const selections = new Selections();
    const objects = [target('a', 'web'), target('b', 'db')];
    let looks = 0;
    const [web, all] = [{ matchLabels: { app: 'web' } }, {}];
    const find = (selector: object, namespace?: string): string => {
      const list = (): readonly CachedTarget[] => (looks++, objects);
      return selections
        .find(kind, namespace, selector, list)
        .map(({ name }) => name)
        .join();
    };
    assert.deepEqual([find(web), find(all), find(web), find(all), looks], ['a', 'a,b', 'a', 'a,b', 2]);
    assert.deepEqual([find(web, 'shop'), find(web, 'shop'), looks], ['a', 'a', 3]);
    objects.push(target('c', 'web'));
    selections.forget(pod);
    assert.deepEqual([find(web), looks], ['a', 3]);
    selections.forget(kind);
    assert.deepEqual([find(web), find(web), looks], ['a,c', 'a,c', 4]);
    objects.pop();
    selections.forgetAll();
    assert.deepEqual([find(web), looks], ['a', 5]);
  });
});
