import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { positiveNumber, runTool, UsageError, wholeNumber } from './run-tool.ts';

const choices = [{ name: 'growth' }, { name: 'growth on Kubernetes' }, { name: 'storm' }];

describe('runTool', () => {
  const words = [
    [[], 'growth, growth on Kubernetes, storm'],
    [['growth'], 'growth'],
    [['storm', 'Kuber'], 'growth on Kubernetes, storm'],
    [['o', 'storm'], 'growth, growth on Kubernetes, storm'],
  ] as const;
  for (const [args, expected] of words) {
    it(`chooses ${expected} by [${args.join()}]`, async () => {
      let names = '';
      const run = async (_: object, chosen: typeof choices | readonly { name: string }[]): Promise<void> => {
        names = chosen.map(({ name }) => name).join(', ');
      };
      assert.equal(await runTool({ usage: '', flags: {}, choices, run }, args), 0);
      assert.equal(names, expected);
    });
  }

  it('hands over the flags, and tells by its exit code how it came out', async () => {
    const flags = { quick: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } } as const;
    for (const good of [true, false]) {
      const run = async ({ quick, seed }: { quick: boolean; seed: string }): Promise<boolean> => {
        assert.deepEqual([quick, seed], [true, '7']);
        return good;
      };
      assert.equal(await runTool({ usage: '', flags, choices: [], run }, ['--quick', '--seed', '7']), good ? 0 : 1);
    }
  });

  it('lets a defect through', async () => {
    const run = (): Promise<void> => Promise.reject(new TypeError('a defect'));
    await assert.rejects(runTool({ usage: '', flags: {}, choices, run }, []), TypeError);
  });
});

describe('a figure', () => {
  it('is a whole number from the least one on', () => {
    assert.deepEqual([wholeNumber('n', '0', 0), wholeNumber('n', '0012', 1)], [0, 12]);
    for (const text of ['', '1k', '-1', '1.5', ' 1', '0x10', '1e3', '9'.repeat(16), '0'])
      assert.throws(() => wholeNumber('n', text, 1), UsageError, text);
  });

  it('is a number over 0', () => {
    assert.deepEqual([positiveNumber('n', '0.5'), positiveNumber('n', '60')], [0.5, 60]);
    for (const text of ['', 'x', '0', '0.0', '-1', '1.', 'Infinity', 'NaN'])
      assert.throws(() => positiveNumber('n', text), UsageError, text);
  });
});
