import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { problemsOf } from '../../src/lint/lint.fixture.ts';
import {
  firingAlerts,
  ruleFileVerdicts,
  skipWithoutPromtool,
  templateVerdicts,
  type PromtoolVersion,
} from '../support/promtool.ts';
import { arbitraryRuleFile } from './arbitrary-rule-files.ts';
import { arbitraryTemplate, templates } from './arbitrary-templates.ts';

const versions: readonly PromtoolVersion[] = ['3.15', '2.42'];
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_130);

/** Errors of lint that promtool takes: the rule can be loaded, and does not work. docs/checks.md says so of each. */
const saysMore: ReadonlySet<string> = new Set(['promql-result', 'template-field', 'alert-pipeline']);

/** Version 2.42 reads a key of a rule without a value as the text "null", and a map or a list as an empty text. */
const misreadByOld = /"(?:alert|record|expr)":(?:null|\{|\[)/;

/** What lint says that Prometheus refuses; the version 2.42 also refuses what only a newer one knows. */
function refusal(version: PromtoolVersion, text: string): string | undefined {
  const found = problemsOf(text, 'rules.yml').find(({ code, severity }) => {
    return (severity === 'error' && !saysMore.has(code)) || (version === '2.42' && code === 'newer-prometheus');
  });
  return found && `${found.code}: ${found.message}`;
}

function differences(
  version: PromtoolVersion,
  texts: readonly string[],
  verdicts: readonly (string | undefined)[],
  read = (text: string) => text,
): readonly unknown[] {
  return texts
    .map((text, index) => ({ text, promtool: verdicts[index], tocsin: refusal(version, read(text)) }))
    .filter(({ promtool, tocsin }) => (promtool === undefined) !== (tocsin === undefined));
}

const inAlert = (text: string) =>
  JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr: 'a', annotations: { a: text } }] }] });

describe('a rule file, beside promtool', { skip: skipWithoutPromtool }, () => {
  for (const version of versions) {
    it(`has the verdict of promtool ${version}, over random files`, (test) => {
      const sample = [...new Set(fc.sample(arbitraryRuleFile, { seed, numRuns: 1000 }))];
      const texts = version === '2.42' ? sample.filter((text) => !misreadByOld.test(text)) : sample;
      const verdicts = ruleFileVerdicts(version, texts);
      const good = verdicts.filter((verdict) => verdict === undefined).length;
      test.diagnostic(`seed ${seed}, ${texts.length} files, ${good} of them good`);
      assert.ok(good > texts.length / 10 && good < texts.length * 0.9, `${good}`);
      assert.deepEqual(differences(version, texts, verdicts), []);
    });

    it(`has the verdict of promtool ${version} on its templates, those that people write and random ones`, (test) => {
      const texts = [...new Set([...templates, ...fc.sample(arbitraryTemplate, { seed, numRuns: 2500 })])];
      const verdicts = templateVerdicts(version, texts);
      const good = verdicts.filter((verdict) => verdict === undefined).length;
      test.diagnostic(`seed ${seed}, ${texts.length} templates, ${good} of them good`);
      assert.ok(good > texts.length / 10 && good < texts.length * 0.9, `${good}`);
      assert.deepEqual(differences(version, texts, verdicts, inAlert), []);
    });
  }
});

describe('an alert of which lint says that it is silent', { skip: skipWithoutPromtool }, () => {
  const codesOf = (expr: string) =>
    problemsOf(JSON.stringify({ groups: [{ name: 'g', rules: [{ alert: 'A', expr }] }] })).map(({ code }) => code);

  for (const version of versions) {
    it(`is, when nothing succeeds, by the rule tests of promtool ${version}; what the hint says fires`, () => {
      const success = 'sum(rate(r_total{class="success"}[5m]))';
      const total = 'sum(rate(r_total[5m]))';
      const alerts = {
        Share: `${success} / ${total} < 0.9`,
        Complement: `1 - ${success} / ${total} > 0.1`,
        Difference: `(${total} - ${success}) / ${total} > 0.1`,
        Failed: `sum(rate(r_total{class="failure"}[5m])) / ${total} > 0.1`,
        Mended: `(${success} or 0 * ${total}) / ${total} < 0.9`,
      };
      const firing = firingAlerts(version, alerts, { 'r_total{class="failure"}': '0+60x20' });
      assert.deepEqual(firing, ['Failed', 'Mended']);
      const silent = Object.entries(alerts).filter(([, expr]) => codesOf(expr).includes('silent-at-total-failure'));
      assert.deepEqual(
        silent.map(([name]) => name),
        ['Share', 'Complement', 'Difference'],
      );
    });

    it(`is, when its target is gone, by the rule tests of promtool ${version}; what the hint says fires`, () => {
      const alerts = { Gone: 'up{job="a"} == 0', Mended: 'absent(up{job="a"})' };
      assert.deepEqual(firingAlerts(version, alerts, { 'up{job="a"}': '1 1 1 stale' }), ['Mended']);
      assert.deepEqual(firingAlerts(version, alerts, { 'up{job="a"}': '0x20' }), ['Gone']);
      assert.ok(codesOf(alerts.Gone).includes('up-is-zero'));
    });

    it(`is, when it counts nothing, by the rule tests of promtool ${version}`, () => {
      const alerts = { Count: 'count(b) == 0', Absent: 'absent(b)' };
      assert.deepEqual(firingAlerts(version, alerts, { 'c{}': '1x20' }), ['Absent']);
      assert.ok(codesOf(alerts.Count).includes('never-fires'));
    });
  }
});
