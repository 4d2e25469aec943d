import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nearestName } from './unknown-key.ts';

const known = ['max_alerts', 'max_alerts_size', 'max_body_size', 'resolve_timeout', 'url'];

describe('nearestName', () => {
  const rows: [mistake: string, name: string, expected: string | undefined][] = [
    ['a letter missing', 'max_alert', 'max_alerts'],
    ['a letter too many', 'max_alertss', 'max_alerts'],
    ['another letter', 'max_elerts', 'max_alerts'],
    ['two letters swapped', 'max_aletrs', 'max_alerts'],
    ['another case', 'MAX_ALERTS', 'max_alerts'],
    ['camel case', 'maxAlertsSize', 'max_alerts_size'],
    ['dashes', 'resolve-timeout', 'resolve_timeout'],
    ['one of three letters', 'uri', 'url'],
    ['two of three letters', 'ari', undefined],
    ['another word', 'capacity', undefined],
    ['nothing at all', '', undefined],
  ];
  for (const [mistake, name, expected] of rows) {
    it(`sees through ${mistake}: ${name || '""'} is ${expected}`, () =>
      assert.equal(nearestName(name, known), expected));
  }

  it('does not mind the case of the known name either', () => assert.equal(nearestName('url', ['URL']), 'URL'));

  it('counts a swap of neighbours as one mistake: two swaps of six letters are near', () => {
    assert.equal(nearestName('badcef', ['abcdef']), 'abcdef');
  });

  it('takes the nearest, and of equals the first', () => {
    assert.equal(nearestName('max_alerts_siz', known), 'max_alerts_size');
    assert.equal(nearestName('tall', ['ball', 'call', 'tall']), 'tall');
    assert.equal(nearestName('tall', ['ball', 'call']), 'ball');
  });

  it('finds every known name itself, and only ever answers with a known one', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), fc.string(), (names, name) => {
        const found = nearestName(name, names);
        assert.ok(found === undefined || names.includes(found));
        if (names.includes(name)) assert.equal(found?.toLowerCase(), name.toLowerCase());
      }),
    );
  });

  it('never finds a name of which more than a third differs in length', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (name) =>
        assert.equal(nearestName(name, [`${name}${name}`]), undefined),
      ),
    );
  });
});
