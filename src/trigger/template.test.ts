import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { annotationValue, compileTemplate, maxTemplateLength, TemplateError } from './template.ts';

const data = {
  labels: { alertname: 'PostgresDown', pod: 'orders-1', 'odd-name': 'odd', 'a"b\\': 'quoted' },
  annotations: { runbook: 'https://example.org' },
  now: Date.UTC(2026, 10, 30, 12, 0, 0, 5),
};

describe('compileTemplate', () => {
  const rows: readonly (readonly [text: string, rendered: string])[] = [
    ['', ''],
    ['orders', 'orders'],
    ['{{ labels.pod }}', 'orders-1'],
    ['{{labels.pod}}', 'orders-1'],
    ['db-{{ labels.pod }}-x', 'db-orders-1-x'],
    ['{{ labels.pod }}{{ alertname }}', 'orders-1PostgresDown'],
    ['{{ labels["odd-name"] }}', 'odd'],
    ['{{ labels[ "pod" ] }}', 'orders-1'],
    ['{{ labels["a\\"b\\\\"] }}', 'quoted'],
    ['{{ annotations.runbook }}', 'https://example.org'],
    ['{{ annotations["runbook"] }}', 'https://example.org'],
    ['{{ now }}', '2026-11-30T12:00:00.005Z'],
    ['{{ labels.absent }}', ''],
    ['{{ labels.constructor }}', ''],
    ['a }} b { c', 'a }} b { c'],
    ['{{ labels["}}"] }}.', '.'],
  ];
  for (const [text, rendered] of rows)
    it(`renders ${JSON.stringify(text)}`, () => assert.equal(compileTemplate(text).render(data), rendered));

  it('knows which text is the same for every alert', () => {
    assert.equal(compileTemplate('orders').isFixed, true);
    assert.equal(compileTemplate('').isFixed, true);
    assert.equal(compileTemplate('a{{ now }}').isFixed, false);
  });

  it('keeps the text as it was written', () => assert.equal(compileTemplate('{{now}}').text, '{{now}}'));

  const places = 'labels.NAME, labels["NAME"], annotations.NAME, annotations["NAME"], alertname, now';
  const refused: readonly (readonly [text: string, message: string])[] = [
    ['{{', `character 1: found {{ without }}, allowed: ${places}`],
    ['ab {{ now }', `character 4: found {{ without }}, allowed: ${places}`],
    ['{{ labels["a }}', `character 1: found {{ without }}, allowed: ${places}`],
    ['{{ }}', `character 1: found "", allowed: ${places}`],
    ['x{{ label.pod }}', `character 2: found "label.pod", did you mean "labels.pod"? allowed: ${places}`],
    ['{{ $labels.pod }}', `character 1: found "$labels.pod", did you mean "labels.pod"? allowed: ${places}`],
    ['{{ .Labels.pod }}', `character 1: found ".Labels.pod", did you mean "labels.pod"? allowed: ${places}`],
    ['{{ labels.odd-name }}', `character 1: found "labels.odd-name", allowed: ${places}`],
    ['{{ labels }}', `character 1: found "labels", allowed: ${places}`],
    ['{{ labels["\\x"] }}', String.raw`character 1: found "labels[\"\\x\"]", allowed: ${places}`],
    ['{{ now }}{{ time }}', `character 10: found "time", allowed: ${places}`],
  ];
  for (const [text, message] of refused)
    it(`refuses ${JSON.stringify(text)}`, () =>
      assert.throws(() => compileTemplate(text), { name: 'TemplateError', message }));

  it('refuses a text that is too long', () => {
    assert.doesNotThrow(() => compileTemplate('a'.repeat(maxTemplateLength)));
    assert.throws(() => compileTemplate('a'.repeat(maxTemplateLength + 1)), /found 1025 characters, allowed: at most/);
  });

  it('renders as the pieces of which it was made, and no label can bring in another place', () => {
    const text = fc.string().filter((plain) => !plain.includes('{'));
    const name = fc.string({ minLength: 1, maxLength: 8 }).filter((label) => label !== '__proto__');
    const piece = fc.oneof(
      text.map((plain) => ({ written: plain, meant: () => plain })),
      name.map((label) => ({
        written: `{{ labels[${JSON.stringify(label)}] }}`,
        meant: (labels: Record<string, string>): string => (Object.hasOwn(labels, label) ? labels[label]! : ''),
      })),
      fc.constant({ written: '{{alertname}}', meant: (labels: Record<string, string>) => labels['alertname'] ?? '' }),
    );
    const labels = fc.dictionary(name, fc.oneof(fc.string(), fc.constant('{{ now }}')), { noNullPrototype: true });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), labels, (pieces, values) => {
        const template = compileTemplate(pieces.map(({ written }) => written).join(''));
        assert.equal(
          template.render({ labels: values, annotations: {}, now: 0 }),
          pieces.map(({ meant }) => meant(values)).join(''),
        );
      }),
    );
  });

  it('either compiles a text or says where it is wrong, in time that grows with its length alone', () => {
    const like = fc.array(fc.constantFrom('{{', '}}', '"', '\\', '[', ']', 'labels', '.', 'now', ' ', 'x'));
    fc.assert(
      fc.property(like, (pieces) => {
        try {
          compileTemplate(pieces.join('')).render(data);
        } catch (error) {
          assert.ok(error instanceof TemplateError);
          assert.match(error.message, /^character \d+: /);
        }
      }),
    );
  });
});

describe('annotationValue', () => {
  const valueOf = (text: string, summary: string): string =>
    annotationValue(compileTemplate(text), { labels: {}, annotations: { summary }, now: 0 });

  it('is one line, of at most 256 characters, whatever the alert brings in', () => {
    assert.equal(valueOf('{{ annotations.summary }}!', 'two\r\nlines\u0000'), 'two lines !');
    assert.equal(valueOf('{{ annotations.summary }}', 'a'.repeat(1000)), 'a'.repeat(256));
    assert.equal(valueOf('{{ annotations.summary }}', `${'a'.repeat(255)}😀`).isWellFormed(), true);
  });
});
