import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Matcher } from '../matcher/matcher.ts';
import { SilenceError } from './silence-error.ts';
import { silenceMemory } from './silence-memory.ts';
import { testSilence } from './silence.fixture.ts';
import type { Silence } from './silence.ts';
import { Silences } from './silences.ts';
import { silencesMemoryBytes } from '../limits.ts';
import { SilenceDraft } from './silence-draft.ts';

const large = testSilence('large', { matchers: [new Matcher('job', '\\pL'.repeat(300), '=~')] });
const most = Math.floor(silencesMemoryBytes / silenceMemory(large));

describe('SilenceDraft', () => {
  it('takes no silence for which there is no memory, and still ends those that there are', () => {
    const silences = new Silences(1000);
    for (let count = 0; count < most; count++) silences.put(numbered(count), 1000);
    const draft = new SilenceDraft(silences, 1000);
    assert.throws(
      () => draft.add({ id: 'x', silences: [numbered(most)] }),
      (error) => error instanceof SilenceError && error.status === 400 && error.limit === 'silences_memory',
    );
    assert.equal(draft.liveCount, most);
    draft.add({ id: '0', silences: [numbered(0, { endsAt: 1500 })] });
    assert.equal(draft.get('0')?.endsAt, 1500);
  });

  it('counts what the same batch has brought, and no longer what has been forgotten', () => {
    const silences = new Silences(1000);
    const draft = new SilenceDraft(silences, 1000);
    for (let count = 0; count < most; count++) draft.add({ id: '', silences: [numbered(count)] });
    assert.throws(() => draft.add({ id: 'x', silences: [numbered(most)] }), SilenceError);
    for (let count = 0; count < most; count++) silences.put(numbered(count), 1000);
    silences.turn(10_000);
    assert.equal(silences.memoryBytes, 0);
  });
});

function numbered(count: number, given: Partial<Silence> = {}): Silence {
  return { ...large, id: String(count), ...given };
}
