import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { causeText } from './cause-text.ts';
import { Causes } from './causes.ts';

function causesOf(...alertnames: readonly string[]): Causes {
  const causes = new Causes();
  for (const [index, alertname] of alertnames.entries()) {
    causes.addAlert(String(index), { labels: { alertname, token: 'hunter2' } }, 'firing', 1000 + index);
  }
  return causes;
}

describe('causeText', () => {
  it('is cut at 256 characters, with a sign that it was', () => {
    const text = causeText(causesOf('A'.repeat(300)));
    assert.deepEqual([text.length, text.at(-1), text.startsWith('AAA')], [256, '…', true]);
    assert.equal(causeText(causesOf('A'.repeat(249))), `${'A'.repeat(249)} firing`);
  });

  it('is one well-formed line of at most 256 characters that begins with the newest alert, whatever the names are', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1 }), (names) => {
        const text = causeText(causesOf(...names));
        assert.ok(text.length <= 256 && text.isWellFormed() && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text));
        const plain = /^[\w-]*/.exec(names.at(-1)!)![0];
        assert.ok(text.startsWith(plain.slice(0, 250)));
      }),
    );
  });
});
