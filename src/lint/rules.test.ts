import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placesOf, problemsOf } from './lint.fixture.ts';
import type { Matches } from './rule.ts';

/** What is found, and the lines of a file; a `¦` stands before each place where it is found. */
type Case = readonly [codes: string, ...lines: readonly string[]];

const receiver = 'receivers: [{name: a, webhook_configs: [{url: http://a:1/}]}]';
const route = 'route: {receiver: a}';

const cases: Readonly<Record<string, readonly Case[]>> = {
  'alertmanager.yml': [
    ['unknown-key', '¦rouet: {}', route, receiver],
    ['misplaced-key', 'route: {receiver: a, ¦smtp_from: b}', receiver],
    ['misplaced-key', '¦group_wait: 1s', route, receiver],
    ['missing-key', `¦${receiver}`],
    ['missing-key', 'route: ¦{group_wait: 1s}', receiver],
    ['bad-route', 'route: {receiver: a, ¦matchers: [b="c"]}', receiver],
    ['bad-duration', 'route: {receiver: a, group_wait: ¦5 min}', receiver],
    ['bad-duration', 'route: {receiver: a, group_interval: ¦0s}', receiver],
    ['duplicate-name', 'route: {receiver: a, group_by: [b, ¦b]}', receiver],
    ['bad-value', 'route: {receiver: a, group_by: ¦[b, ...]}', receiver],
    ['bad-matcher', 'route: {receiver: a, routes: [{matchers: [¦b]}]}', receiver],
    [
      'undefined-time-interval',
      'route: {receiver: a, routes: [{mute_time_intervals: [¦night], matchers: [a=b]}]}',
      receiver,
    ],
    ['duplicate-name', route, `${receiver.slice(0, -1)}, {name: ¦a, webhook_configs: [{url: http://a:1/}]}]`],
    ['missing-key', route, 'receivers: [{name: a, email_configs: [¦{to: b, from: c}]}]'],
    ['missing-key', route, 'receivers: [{name: a, slack_configs: [¦{channel: b}]}]'],
    ['bad-url', route, 'receivers: [{name: a, webhook_configs: [{url: ¦tocsin:9093/webhook}]}]'],
    ['wrong-type', route, 'receivers: [{name: a, webhook_configs: [{url: http://a:1/, send_resolved: ¦"true"}]}]'],
    ['wrong-type', 'route: {receiver: ¦[a]}', receiver],
    ['bad-regexp', route, receiver, 'inhibit_rules: [{target_match_re: {a: ¦"("}}]'],
    ['wrong-type', route, receiver, 'inhibit_rules: [{target_match_re: {a:¦}}]'],
  ],
  'prometheus.yml': [
    ['misplaced-key', '¦receivers: []', 'scrape_configs: []', 'rule_files: []', 'alerting: {}'],
    ['missing-key', 'scrape_configs: [¦{scheme: http}]'],
    ['missing-key', 'scrape_configs: [{job_name: a}, ¦null]'],
    ['duplicate-name', 'scrape_configs: [{job_name: a}, {job_name: ¦a}]'],
    ['bad-duration', 'scrape_configs: [{job_name: a, scrape_interval: 5s, scrape_timeout: ¦6s}]'],
    ['bad-target', 'scrape_configs: [{job_name: a, static_configs: [{targets: [¦http://a:1]}]}]'],
    ['bad-value', 'scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: ¦pods}]}]'],
    ['missing-key', 'scrape_configs: [{job_name: a, kubernetes_sd_configs: [¦{role: pod, tls_config: {ca_file: a}}]}]'],
    ['bad-value', 'scrape_configs: [{job_name: a, relabel_configs: [{action: ¦kept}]}]'],
    ['missing-key', 'scrape_configs: [{job_name: a, relabel_configs: [¦{action: hashmod, target_label: a}]}]'],
    ['conflicting-keys', 'scrape_configs: [{job_name: a, ¦bearer_token: b, bearer_token_file: c}]'],
    ['missing-key', 'remote_write: [¦{name: a}]'],
    ['alerting-own-port', 'alerting: {alertmanagers: [{static_configs: [{targets: [¦a.b:9090]}]}]}'],
  ],
  'values.yaml': [
    ['secret-in-clear', 'grafana: {}', 'token: "¦xoxb-123456789012-abcdefghij"'],
    ['exposed-service', 'grafana: {}', 'server: {service: {type: ¦LoadBalancer}}'],
  ],
  'tocsin.yml': [['bad-setting', 'receiver: {¦max_alert: 5}']],
  'pod.yaml': [
    [
      'bad-setting',
      'apiVersion: v1',
      'kind: Pod',
      'spec: {containers: [{image: "a/tocsin:1", args: [¦--log.levle=debug]}]}',
    ],
    [
      'bad-setting',
      'apiVersion: v1',
      'kind: Pod',
      'spec: {containers: [{image: tocsin, args: [¦"--prometheus.url=prometheus:80"]}]}',
    ],
  ],
  'web.yml': [['bad-setting', 'tls_server_config: {¦certt_file: a, key_file: b}']],
};

/** Where the marks stand in a text. */
function marked(text: string): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (line.includes('¦') ? [`${index + 1}:${line.indexOf('¦') + 1}`] : []));
}

const good = [
  [
    'alertmanager.yml',
    `global: {resolve_timeout: 5m}\nroute:\n  receiver: a\n  routes: [{matchers: ['b="c"'], group_wait: 1s}]\n${receiver}\n`,
  ],
  [
    'prometheus.yml',
    'scrape_configs:\n  - job_name: a\n    static_configs: [{targets: ["a:1"]}]\n    relabel_configs: [{action: drop, source_labels: [a]}]\n',
  ],
  ['values.yaml', 'config: {prometheus: {url: "http://a:9090"}}\nmonitoring: {}\n'],
  [
    'prometheus.yml',
    'scrape_configs:\n  - job_name: blackbox\n    static_configs: [{targets: ["https://a.b/c"]}]\n    relabel_configs: [{source_labels: [__address__], target_label: __param_target}, {target_label: __address__, replacement: "a:1"}]\n',
  ],
  ['prometheus.yml', `scrape_configs: [{job_name: a, params: {'match[]': ['{job="a"}', '{__name__=~"job:.*"}']}}]\n`],
  ['prometheus.yml', 'rule_files: [/etc/config/rules]\n'],
  [
    'policy.yaml',
    'apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nspec: {ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}\n',
  ],
] as const;

describe('the rules', () => {
  for (const [name, files] of Object.entries(cases))
    for (const [code, ...lines] of files)
      it(`say ${code} of ${name}: ${lines.join(' ⏎ ')}`, () => {
        const text = `${lines.join('\n')}\n`;
        const found = problemsOf(text.replaceAll('¦', ''), name).filter(({ severity }) => severity !== 'info');
        assert.deepEqual(
          found
            .filter((each) => each.code !== 'secret-in-clear' || code === each.code)
            .map((each) => `${each.line}:${each.column} ${each.code}`),
          marked(text).map((place) => `${place} ${code}`),
        );
      });

  it('say that a pattern matches nothing: an error where its folder is, a warning where that is on another machine', () => {
    const found = (pattern: string, matches: Matches): readonly string[] =>
      problemsOf(`rule_files: ['${pattern}']\n`, 'prometheus.yml', { matches: () => matches }).map(
        ({ severity, code }) => `${severity} ${code}`,
      );
    assert.deepEqual(found('rules/*.yml', 'none'), ['error no-matching-file']);
    assert.deepEqual(found('rules/*.yml', 'no folder'), ['error no-matching-file']);
    assert.deepEqual(found('/etc/rules/*.yml', 'no folder'), ['warning no-matching-file']);
    assert.deepEqual(found('/etc/rules/a.yml', 'no folder'), ['error no-matching-file']);
    assert.deepEqual([...found('a.yml', 'some'), ...found('a.yml', 'unknown')], []);
  });

  it('say nothing of good files', () => {
    for (const [name, text] of good) assert.deepEqual(placesOf(text, name), [], name);
  });

  it('say nothing of an expression that is too large for Tocsin, and not for the programs', () => {
    const large = Array.from({ length: 1200 }, (_, index) => `namespace-${index}`).join('|');
    const job = `scrape_configs: [{job_name: a, relabel_configs: [{action: drop, source_labels: [a], regex: '${large}'}]}]\n`;
    assert.deepEqual(placesOf(job, 'prometheus.yml'), []);
    const routes = `route: {receiver: a, routes: [{matchers: ['a=~"${large}"', 'b=~"("'], receiver: a}]}\n${receiver}\n`;
    assert.deepEqual(
      problemsOf(routes, 'alertmanager.yml').map(({ code, message }) => [code, message.slice(0, 9)]),
      [['bad-matcher', 'found "b=']],
    );
  });

  it('say nothing of files of other programs, and values of other charts, that have some of our keys', () => {
    const others = [
      ['otel-prometheus.yml', 'receivers: {otlp: {}}\nexporters: {debug: {}}\nservice: {pipelines: {}}\n'],
      ['promtail.yml', 'clients: []\npositions: {}\nscrape_configs: [{job_name: a, pipeline_stages: []}]\n'],
      ['values-ha.yaml', 'controller: {podDisruptionBudget: {}}\nproxy: {}\nproxyInjector: {}\n'],
      ['03-servicemonitor-values.yaml', 'prometheus: {monitor: {enabled: true}}\n'],
      ['httproute-values.yaml', 'route: {main: {enabled: true}}\n'],
      ['overlay.yaml', 'route: {main: {enabled: true}}\n'],
      ['addon.yaml', 'tracing: {enabled: true}\nstorage: {type: memory}\n'],
      ['prom-config.yaml', 'prometheus: {image: a, args: {}, globalConfig: {}}\n'],
      ['traefik.yml', 'log: {level: INFO}\napi: {}\nentryPoints: {}\n'],
      ['http.yml', 'authorization: {type: Bearer, credentials: a}\nproxy_url: http://a:1\n'],
      ['cluster-tls.yml', 'tls_server_config: {cert_file: a, key_file: b}\ntls_client_config: {ca_file: a}\n'],
    ] as const;
    for (const [name, text] of others)
      assert.deepEqual(
        placesOf(text, name).filter((place) => !place.endsWith('file-unknown')),
        [],
        name,
      );
  });

  it('never throw, whatever a good file becomes, and every position lies in it', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.nat(12),
      fc.constantFrom('', ' ', '\n', ':', '[', ']', '#', '*', '- ', 'null', '"', '{}', '0', '😀'),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...good),
        fc.array(change, { minLength: 1, maxLength: 4 }),
        ([name, source], changes) => {
          const text = changes.reduce((before, [at, length, put]) => {
            const start = at % (before.length + 1);
            return before.slice(0, start) + put + before.slice(start + length);
          }, source as string);
          const lines = text.split('\n');
          for (const { line, column, endLine, endColumn, code } of problemsOf(text, name)) {
            assert.notEqual(code, 'rule-failed');
            assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1);
            assert.ok(endColumn >= 1 && endColumn <= lines[endLine - 1]!.length + 1);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});
