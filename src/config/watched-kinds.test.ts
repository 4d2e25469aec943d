import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readWatchedKinds } from './watched-kinds.ts';

const traces = { group: 'telemetry.kyma-project.io', version: 'v1beta1', resource: 'tracepipelines' };

function refusal(found: unknown): string {
  const reading = readWatchedKinds(found);
  return 'value' in reading ? 'taken' : reading.allowed;
}

describe('readWatchedKinds', () => {
  it('fills in what may be left out', () => {
    const core = {
      group: '',
      version: 'v1',
      resource: 'configmaps',
      namespaces: ['a', 'b', 'a'],
      label_selector: 'x=y',
    };
    assert.deepEqual(readWatchedKinds([traces, core]), {
      value: [
        { ...traces, namespaces: [], label_selector: null },
        { ...core, namespaces: ['a', 'b'] },
      ],
    });
  });

  it('takes null for what may be left out', () => {
    assert.deepEqual(
      readWatchedKinds([{ ...traces, namespaces: null, label_selector: null }]),
      readWatchedKinds([traces]),
    );
  });

  const wrong: readonly (readonly [found: unknown, what: RegExp])[] = [
    ['tracepipelines', /^a list of maps/],
    [[], /^a list of maps/],
    [[traces, 5], /entry 2: found 5$/],
    [[{ ...traces, kind: 'TracePipeline' }], /entry 1: unknown key "kind"$/],
    [[{ group: 'a', version: 'v1' }], /entry 1: resource is missing$/],
    [[{ ...traces, resource: 'TracePipeline' }], /entry 1: resource: found "TracePipeline", not the plural/],
    [[{ ...traces, version: '1' }], /entry 1: version: found "1", not a version/],
    [[{ ...traces, group: 'a/b' }], /entry 1: group: found "a\/b"/],
    [[{ ...traces, namespaces: 'a' }], /entry 1: namespaces: found "a", not a list/],
    [[{ ...traces, namespaces: ['a/b'] }], /entry 1: namespaces:/],
    [[{ ...traces, label_selector: '' }], /entry 1: label_selector:/],
    [[{ ...traces, namespaces: Array.from({ length: 65 }, (_, index) => `n${index}`) }], /^at most 64/],
  ];
  for (const [found, what] of wrong) {
    it(`refuses ${JSON.stringify(found).slice(0, 100)}`, () => assert.match(refusal(found), what));
  }

  it('never throws', () => {
    const entry = fc.oneof(
      fc.anything(),
      fc.record({ group: fc.anything(), version: fc.anything(), resource: fc.anything() }),
    );
    fc.assert(fc.property(fc.oneof(fc.anything(), fc.array(entry)), (found) => void readWatchedKinds(found)));
  });
});
