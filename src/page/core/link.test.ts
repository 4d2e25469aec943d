import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  boundsOf,
  defaultLink,
  lists,
  longestRange,
  readLink,
  readSpan,
  spanText,
  stateFilters,
  writeLink,
  type Link,
} from './link.ts';
import { readSelection, selectionText, type Selection } from './selection.ts';

const name = fc.stringMatching(/^[A-Za-z][\w.-]{0,20}$/);
const id = fc.stringMatching(/^[\w-]{1,20}$/);
const pipeline = fc.tuple(name, name, fc.option(name)).map((parts) => parts.filter((part) => part !== null).join('/'));
const plain = { noNullPrototype: true };
const selections: fc.Arbitrary<Selection> = fc.oneof(
  fc.record({ of: fc.constant('pipeline' as const), pipeline }, plain),
  fc.record({ of: fc.constant('run' as const), pipeline, id }, plain),
  fc.record({ of: fc.constantFrom('alert' as const, 'silence' as const, 'event' as const), id }, plain),
  // A request names itself, with whatever it likes.
  fc.record({ of: fc.constant('request' as const), id: fc.string({ minLength: 1 }) }, plain),
);
const minutes = fc.integer({ min: 1, max: longestRange / 60_000 });
const times = fc.integer({ min: 0, max: Date.parse('2100-01-01') });
const links: fc.Arbitrary<Link> = fc.record(
  {
    list: fc.constantFrom(...lists),
    kind: fc.string(),
    name: fc.string(),
    state: fc.constantFrom(...stateFilters),
    alert: fc.string(),
    steps: fc.boolean(),
    range: fc.oneof(
      minutes.map((count) => ({ last: count * 60_000 })),
      fc.tuple(times, fc.integer({ min: 1, max: longestRange })).map(([from, length]) => ({ from, to: from + length })),
    ),
    selected: fc.option(selections, { nil: undefined }),
  },
  plain,
);

describe('the link of the page', () => {
  it('opens what it was made from, whatever is filtered and open', () => {
    fc.assert(fc.property(links, (link) => assert.deepEqual(readLink(writeLink(link)), link)));
  });

  it('is empty for the page as it opens first', () => {
    assert.equal(writeLink(defaultLink), '');
    assert.deepEqual(readLink(''), defaultLink);
  });

  it('is one that a person can read', () => {
    const selected: Selection = { of: 'run', pipeline: 'TracePipeline/backend', id: '34d8991a' };
    const link: Link = { ...defaultLink, state: 'unhealthy', range: { last: 6 * 3_600_000 }, selected };
    assert.equal(writeLink(link), '?state=unhealthy&last=6h&open=run%3ATracePipeline%2Fbackend%3A34d8991a');
  });

  it('opens the page whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (search) => {
        const link = readLink(search);
        assert.deepEqual(readLink(writeLink(link)), link);
      }),
    );
  });

  for (const search of [
    '?list=nothing',
    '?state=bad',
    '?last=0m',
    '?last=900d',
    '?last=1h30m',
    '?from=2026-01-02&to=2026-01-01',
    '?from=2020-01-01&to=2026-01-01',
    '?open=run:x',
    '?open=',
    '?open=cat:1',
  ])
    it(`passes over what it does not know: ${search}`, () => assert.deepEqual(readLink(search), defaultLink));
});

describe('a length of time in the link', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(minutes, (count) => assert.equal(readSpan(spanText(count * 60_000)), count * 60_000)));
  });

  it('ends now, or where it is fixed', () => {
    assert.deepEqual(boundsOf({ last: 60_000 }, 100_000), { from: 40_000, to: 100_000 });
    assert.deepEqual(boundsOf({ from: 1, to: 2 }, 100_000), { from: 1, to: 2 });
  });
});

describe('what is open', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(selections, (selection) => assert.deepEqual(readSelection(selectionText(selection)), selection)),
    );
  });
});
