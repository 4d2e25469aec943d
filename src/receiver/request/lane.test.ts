import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lane } from './lane.ts';

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('Lane', () => {
  it('runs one work at a time, in order, and gives the results', async () => {
    const lane = new Lane();
    const steps: string[] = [];
    const work = (name: string) => async (): Promise<string> => {
      steps.push(`${name} begins`);
      await turn();
      await turn();
      steps.push(`${name} ends`);
      return name;
    };
    assert.deepEqual(await Promise.all([lane.run(work('a')), lane.run(work('b'))]), ['a', 'b']);
    assert.deepEqual(steps, ['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('goes on after a work that failed, and hands its error on', async () => {
    const lane = new Lane();
    const failed = lane.run(() => Promise.reject(new Error('broken')));
    const next = lane.run(() => Promise.resolve('done'));
    await assert.rejects(failed, { message: 'broken' });
    assert.equal(await next, 'done');
  });

  it('lets the event loop turn before each work', async () => {
    const lane = new Lane();
    const steps: string[] = [];
    const work = (name: string) => (): Promise<void> => {
      steps.push(name);
      setImmediate(() => steps.push(`others after ${name}`));
      return Promise.resolve();
    };
    setImmediate(() => steps.push('others'));
    await Promise.all([lane.run(work('a')), lane.run(work('b'))]);
    assert.deepEqual(steps, ['others', 'a', 'others after a', 'b']);
  });
});
