import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cleanups } from './cleanups.ts';
import { recordLog } from '../runtime/logger.fixture.ts';

describe('Cleanups', () => {
  it('closes what was opened last first, one after the other', async () => {
    const { logger } = recordLog();
    const cleanups = new Cleanups(logger);
    const steps: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      cleanups.add(name, async () => {
        steps.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        steps.push(`${name} ends`);
      });
    }
    await cleanups.run();
    assert.deepEqual(steps, ['c begins', 'c ends', 'b begins', 'b ends', 'a begins', 'a ends']);
  });

  it('goes on after a step that throws, and after one that rejects, and tells both', async () => {
    const { logger, lines } = recordLog();
    const cleanups = new Cleanups(logger);
    const closed: string[] = [];
    cleanups.add('first', () => closed.push('first'));
    cleanups.add('rejecting', () => Promise.reject(new Error('no')));
    cleanups.add('throwing', () => {
      throw new Error('never');
    });
    cleanups.add('last', () => closed.push('last'));
    await cleanups.run();
    assert.deepEqual(closed, ['last', 'first']);
    assert.deepEqual(
      lines().map(({ level, event, part, error }) => [level, event, part, error]),
      [
        ['debug', 'app.closed', 'last', undefined],
        ['error', 'app.close_failed', 'throwing', 'never'],
        ['error', 'app.close_failed', 'rejecting', 'no'],
        ['debug', 'app.closed', 'first', undefined],
      ],
    );
  });

  it('closes each step once, however often it runs', async () => {
    const cleanups = new Cleanups(recordLog().logger);
    let closed = 0;
    cleanups.add('it', () => closed++);
    await cleanups.run();
    await cleanups.run();
    assert.equal(closed, 1);
  });

  it('closes what is opened while it runs', async () => {
    const cleanups = new Cleanups(recordLog().logger);
    const closed: string[] = [];
    cleanups.add('first', () => closed.push('first'));
    cleanups.add('last', () => {
      closed.push('last');
      cleanups.add('late', () => closed.push('late'));
    });
    await cleanups.run();
    assert.deepEqual(closed, ['last', 'late', 'first']);
  });
});
