import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Matcher } from '../matcher/matcher.ts';
import { namespaceOf, requiredNamespaces, Visible } from './visible.ts';

const equal = (name: string, value: string): Matcher => new Matcher(name, value, '=');

describe('Visible', () => {
  it('shows the alerts of its namespaces, and none without a namespace', () => {
    const visible = new Visible(['shop', ''], 'namespace');
    const rows = [{ namespace: 'shop' }, { namespace: 'bank' }, { namespace: '' }, {}, { exported_namespace: 'shop' }];
    assert.deepEqual(
      rows.map((labels) => visible.shows(labels as Record<string, string>)),
      [true, false, false, false, false],
    );
    assert.equal(
      namespaceOf(JSON.parse('{"__proto__": {"namespace": "shop"}}') as Record<string, string>, 'namespace'),
      undefined,
    );
  });

  it('shows the silences that can concern no alert of another namespace', () => {
    const visible = new Visible(['shop', 'kiosk'], 'namespace');
    const rows: readonly (readonly [readonly Matcher[], boolean])[] = [
      [[equal('namespace', 'shop'), equal('alertname', 'X')], true],
      [[equal('namespace', 'bank')], false],
      [[equal('alertname', 'X')], false],
      [[new Matcher('namespace', 'shop', '=~')], false],
      [[new Matcher('namespace', 'bank', '!='), equal('alertname', 'X')], false],
      [[equal('namespace', 'shop'), equal('namespace', 'bank')], false],
      [[equal('namespace', 'shop'), equal('namespace', 'kiosk')], true],
      [[], false],
    ];
    for (const [matchers, shown] of rows)
      assert.equal(visible.showsSilence({ matchers }), shown, matchers.map(String).join(', '));
  });

  it('shows no silence that silences an alert that it does not show', () => {
    const name = fc.constantFrom('namespace', 'alertname');
    const value = fc.constantFrom('shop', 'bank', '', 's.*', 'shop|bank');
    const matcher = fc
      .tuple(name, value, fc.constantFrom('=', '!=', '=~', '!~'))
      .map(([label, text, type]) => new Matcher(label, text, type));
    fc.assert(
      fc.property(fc.array(matcher, { maxLength: 4 }), fc.dictionary(name, value), (matchers, labels) => {
        const visible = new Visible(['shop'], 'namespace');
        if (!visible.showsSilence({ matchers })) return;
        if (matchers.every((each) => each.matches(labels))) assert.ok(visible.shows(labels));
      }),
    );
  });

  it('finds the namespaces that matchers require', () => {
    const matchers = [equal('namespace', 'a'), new Matcher('namespace', 'b', '=~'), equal('other', 'c')];
    assert.deepEqual(requiredNamespaces(matchers, 'namespace'), ['a']);
  });
});
