import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readYaml } from './read-yaml.ts';

/** The places in a YAML text, one after the other, of the units of the value of its key `a`. */
function written(text: string): readonly string[] {
  const value = readYaml({ text, place: (offset) => offset }).documents[0]!.get('a')!;
  return [...value.text!].map((_, index) => text.slice(value.rangeOf(index).start, value.rangeOf(index).end));
}

describe('the places of the units of a scalar', () => {
  it('are its own, if it is plain, quoted or folded over lines', () => {
    assert.deepEqual(written('a: bcd'), ['b', 'c', 'd']);
    assert.deepEqual(written("a: 'b''c'"), ['b', "'", 'c']);
    assert.deepEqual(written('a: "b\\nc"').join('|'), 'b|\\|c');
    assert.deepEqual(written('a: >-\n  bc\n  de\n').join('|'), 'b|c|\n|d|e');
  });

  it('are further right by the indentation in a literal block, whatever its lines begin with', () => {
    const text = 'x: 1\na: |\n    b: 1\n\n      c: 2\n    d: 3\n';
    const value = readYaml({ text, place: (offset) => offset }).documents[0]!.get('a')!;
    assert.equal(text.slice(value.rangeOf(value.text!.indexOf('c: 2')).start).slice(0, 4), 'c: 2');
    assert.equal(text.slice(value.rangeOf(value.text!.indexOf('d: 3')).start).slice(0, 4), 'd: 3');
  });

  it('lie in the scalar and do not run back, for every text and every style', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', ' ', '\n', "'", '"', '\\', ':', '#', 'é', '😀') }),
        (content) => {
          const lines = content.split('\n').map((line) => `    ${line}`);
          const json = JSON.stringify(content);
          for (const text of [
            `a: ${json}`,
            `a: |2\n${lines.join('\n')}`,
            `a: >2\n${lines.join('\n')}`,
            `a: ${content}`,
          ]) {
            const value = readYaml({ text, place: (offset) => offset }).documents[0]?.get('a');
            let before = 0;
            for (let index = 0; index <= (value?.text?.length ?? -1); index++) {
              const { start, end } = value!.rangeOf(index);
              assert.ok(
                start >= before && start >= value!.range.start && end <= text.length + 1 && start <= text.length,
              );
              before = start;
            }
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
