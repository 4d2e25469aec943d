import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeApi } from './fake-api.fixture.ts';

describe('tocsin resume', () => {
  it('lets out what waits, and says how much', async (t) => {
    const api = await FakeApi.start(t);
    for (const [released, text] of [
      [0, 'there is no storm: nothing waits\n'],
      [1, '1 run goes out now\n'],
      [70, '70 runs go out now\n'],
    ] as const) {
      api.give('POST /storm/resume', 'ResumeAnswer', { released });
      const { code, stdout } = await api.run('resume');
      assert.deepEqual([code, stdout], [0, text]);
    }
    assert.equal((await api.run('resume', '-o', 'json')).stdout, '{\n  "released": 70\n}\n');
  });

  it('takes no words', async (t) => {
    const api = await FakeApi.start(t);
    const { code, stderr } = await api.run('resume', 'all');
    assert.equal(code, 2);
    assert.match(stderr, /resume: all, allowed: tocsin resume\n/);
  });
});
