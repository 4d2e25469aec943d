import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse, stringify } from 'yaml';
import packageJson from '../../../package.json' with { type: 'json' };
import { generatedFiles } from '../../../charts/generated-files.ts';
import { Config } from '../../../src/config/config.ts';
import { parseConfigFile } from '../../../src/config/load-config.ts';
import { chart, helm, template, tryTemplate } from '../../support/helm.ts';
import { objectOf } from '../../support/kustomize.ts';
import { skipWithout } from '../../support/servers.ts';

const read = (file: string): string => readFileSync(new URL(`../../../${file}`, import.meta.url), 'utf8');

describe('the files of the chart', () => {
  for (const [file, text] of generatedFiles())
    it(`${file} is what npm run chart writes`, () => assert.equal(read(file), text, 'run: npm run chart'));

  it('have the version of the project', () => {
    const { version, appVersion } = parse(read(`${chart}/Chart.yaml`)) as Record<string, unknown>;
    assert.deepEqual([version, appVersion], [packageJson.version, packageJson.version]);
  });
});

/** Wrong values, and what Helm says: where, what, and what would be right. */
const refused: readonly (readonly [values: string, sentence: RegExp])[] = [
  ['config: { reciever: {} }', /at '\/config': additional properties 'reciever' not allowed/],
  ['config: { receiver: { max_alert: 5 } }', /at '\/config\/receiver': additional properties 'max_alert' not allowed/],
  ['config: { receiver: { max_alerts: 0 } }', /at '\/config\/receiver\/max_alerts': minimum: got 0, want 1/],
  ['config: { receiver: { max_alerts: many } }', /at '\/config\/receiver\/max_alerts': got string, want integer/],
  [
    'config: { receiver: { max_body_size: 16MB } }',
    /'16MB' does not match pattern '\^\[0-9\]\+\(B\|KiB\|MiB\|GiB\)\$'/,
  ],
  ['config: { controller: { action: conditon } }', /value must be one of 'condition', 'annotate', 'log'/],
  ['config: { source: { debounce: { wait: 10 seconds } } }', /'10 seconds' does not match pattern/],
  [
    'config: { source: { debounce: { wait: 500 } } }',
    /at '\/config\/source\/debounce\/wait': maximum: got 500, want 0/,
  ],
  [
    'config: { prometheus: { url: 9090 } }',
    /at '\/config\/prometheus\/url': got number, want (null or string or array|.*)/,
  ],
  ['config: { prometheus: { require_rules: "true" } }', /got string, want boolean/],
  ['config: { pipelines: { kubernetes: { kinds: [{ group: apps }] } } }', /missing properties 'version', 'resource'/],
  ['config: [receiver]', /at '\/config': got array, want null or object/],
  ['receiver: { max_alerts: 5 }', /additional properties 'receiver' not allowed/],
  ['annotate: "yes"', /at '\/annotate': got string, want boolean/],
  ['tls: true', /at '\/tls': got boolean, want object/],
  ['persistence: { enabled: true, size: large }', /at '\/persistence\/size': 'large' does not match pattern/],
  ['networkPolicy: { apiServer: { cidrs: [0.0.0.0/0] } }', /'0\.0\.0\.0\/0' does not match pattern/],
  ['networkPolicy: { alertsFrom: [{}] }', /at '\/networkPolicy\/alertsFrom\/0': minProperties: got 0, want 1/],
  ['networkPolicy: { dns: { to: [{ ipBlock: { cidr: "::/0" } }] } }', /'::\/0' does not match pattern/],
  ['monitoring: { rules: { format: file } }', /value must be one of 'PrometheusRule', 'ConfigMap'/],
  ['rules: { groups: { name: a } }', /at '\/rules\/groups': got object, want array/],
  [
    'rules: { groups: [{ name: a, rules: [{ alert: A }] }] }',
    /at '\/rules\/groups\/0\/rules\/0': missing property 'expr'/,
  ],
  ['image: { digest: latest }', /at '\/image\/digest': 'latest' does not match pattern '\^\(sha256/],
  ['pod: { args: [-v] }', /at '\/pod\/args\/0': '-v' does not match pattern '\^--'/],
  [
    'config: { prometheus: { http_config: { basic_auth: { username: me, password: secret } } } }',
    /config has a password, .* put them into a Secret, name it in pod\.secrets, and use password_file/,
  ],
  ['config: { prometheus: { http_config: { http_headers: { X: { secrets: [a] } } } } }', /config has a password/],
  ['{ annotate: true, observe: true }', /annotate and observe are both true: set one of the two/],
  [
    '{ observe: true, config: { controller: { action: annotate } } }',
    /config\.controller\.action is annotate, but observe is true, which means log: remove one of the two/,
  ],
];

describe('values.schema.json', { skip: skipWithout('helm') || skipWithout('helm-3') }, () => {
  it('holds for the chart itself, in both versions of Helm', async () => {
    for (const version of ['helm', 'helm-3'] as const)
      assert.match(await helm(['lint', '--strict', chart], { version }), /1 chart\(s\) linted, 0 chart\(s\) failed/);
  });

  for (const [values, sentence] of refused)
    it(`refuses ${values}`, async () => {
      const { code, stderr } = await tryTemplate(parse(values) as object);
      assert.equal(code, 1);
      assert.match(stderr, sentence);
    });

  it('has a description for every key with a value, as an editor shows it', () => {
    const described = JSON.stringify(JSON.parse(read(`${chart}/values.schema.json`))).match(/"description":/g) ?? [];
    assert.ok(described.length > 70, String(described.length));
  });
});

describe('config of the values', { skip: skipWithout('helm') }, () => {
  /** What Tocsin reads from the ConfigMap that this value makes. */
  async function through(config: object | null): Promise<Config> {
    const { data } = objectOf(await template({ config, lint: false }), 'ConfigMap', 'tocsin-config');
    const file = parseConfigFile('tocsin.yml', (data as Record<string, string>)['tocsin.yml']!);
    if ('problems' in file) throw new Error(file.problems.join('\n'));
    return file.config;
  }

  it('takes every key of the configuration, with the value of k8s/base/tocsin.yml', async () => {
    const config = parse(read('k8s/base/tocsin.yml')) as object;
    assert.deepEqual(await through(config), Config.parse(config));
  });

  it('takes null for a section, and nothing at all', async () => {
    assert.deepEqual(await through({ receiver: null, prometheus: { url: null, http_config: null } }), Config.parse({}));
    assert.deepEqual(await through(null), Config.parse({}));
  });

  it('comes through unchanged with a separator of lines or paragraphs in it, which ends a line to Helm alone', async () => {
    for (const separator of ['\u0085', '\u2028', '\u2029']) {
      const config = { prometheus: { params: { a: [`b${separator}`, `${separator}c`] } } };
      assert.deepEqual(await through(config), Config.parse(config));
    }
  });

  it('comes through unchanged, whatever YAML or Go could take it for', async () => {
    const word = fc.oneof(
      fc.constantFrom(
        'on',
        'no',
        '~',
        'null',
        '1e3',
        '0x1F',
        '012',
        '0o14',
        '1_000',
        '12:30:45',
        '.5',
        '=',
        '<<',
        '{{ . }}',
      ),
      fc.string({ unit: 'grapheme', maxLength: 30 }).filter((text) => text.trim() !== '' && !/\p{C}/u.test(text)),
    );
    const whole = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
    const any = fc.record(
      {
        receiver: fc.record({ max_alerts: whole, group_by: fc.uniqueArray(word) }, { requiredKeys: [] }),
        controller: fc.record({ annotate: fc.record({ requested_at_value: fc.option(word) }) }),
        prometheus: fc.record({
          params: fc.dictionary(word, fc.array(word, { minLength: 1 }), { noNullPrototype: true }),
        }),
      },
      { requiredKeys: [] },
    );
    const isRead = (config: object): boolean => !('problems' in parseConfigFile('tocsin.yml', stringify(config)));
    await fc.assert(
      fc.asyncProperty(any.filter(isRead), async (config) => {
        assert.deepEqual(await through(config), Config.parse(config));
      }),
      { numRuns: 25 },
    );
  });
});
