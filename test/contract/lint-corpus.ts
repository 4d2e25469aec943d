import fc from 'fast-check';
import { parse, stringify } from 'yaml';

/** Files for which `tocsin lint` and the programs themselves give their verdicts. Each is a base with one part replaced. */
export interface CorpusFile {
  readonly name: string;
  readonly text: string;
}

const alertmanager = `global:
  resolve_timeout: 5m
  smtp_smarthost: smtp.example.com:587
  smtp_from: tocsin@example.com
  slack_api_url_file: /etc/slack
route:
  receiver: all
  group_by: [alertname, namespace]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    - receiver: mail
      matchers: [severity="critical", 'team=~"a|b"']
      mute_time_intervals: [night]
      continue: true
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [namespace]
receivers:
  - name: all
    webhook_configs:
      - url: http://tocsin:9093/webhook
        send_resolved: true
        max_alerts: 0
  - name: mail
    email_configs:
      - to: a@example.com
        headers: { Subject: 'b' }
    slack_configs:
      - channel: '#monitoring'
time_intervals:
  - name: night
    time_intervals:
      - times: [{ start_time: '22:00', end_time: '24:00' }]
        weekdays: ['monday:friday']
        days_of_month: ['1:5', '-1']
        months: ['january:march']
        years: ['2026']
        location: Europe/Berlin
templates: []
`;

const prometheus = `global:
  scrape_interval: 15s
  scrape_timeout: 10s
  evaluation_interval: 15s
  external_labels: { cluster: a }
alerting:
  alert_relabel_configs:
    - action: labeldrop
      regex: replica
  alertmanagers:
    - scheme: http
      path_prefix: /tocsin
      timeout: 10s
      api_version: v2
      static_configs:
        - targets: [tocsin:9093]
rule_files: []
scrape_configs:
  - job_name: app
    metrics_path: /metrics
    scheme: http
    honor_labels: false
    sample_limit: 1000
    basic_auth: { username: a, password_file: /dev/null }
    params: { module: [http] }
    static_configs:
      - targets: ['app:8080']
        labels: { team: a }
    relabel_configs:
      - source_labels: [__address__]
        regex: '(.*):80'
        target_label: instance
        replacement: '$1'
        action: replace
  - job_name: files
    file_sd_configs:
      - files: ['targets/*.json']
        refresh_interval: 1m
remote_write:
  - url: http://remote:9090/write
    name: remote
    queue_config: { max_shards: 10 }
`;

/** What is replaced, and by what. The base itself is the first file. */
type Change = readonly [from: string, to: string];

const alertmanagerChanges: readonly Change[] = [
  ['route:', 'rule_files: []\nroute:'],
  ['route:', 'scrape_configs: []\nroute:'],
  ['route:', 'alerting: {}\nroute:'],
  ['route:', 'routes:'],
  ['receiver: all', 'receiver: default'],
  ['receiver: all', 'receiver:'],
  ['receiver: all\n', 'receiver: all\n  matchers: [a="b"]\n'],
  ['receiver: all\n', 'receiver: all\n  mute_time_intervals: [night]\n'],
  ['receiver: all\n', 'receiver: all\n  continue: true\n'],
  ['[alertname, namespace]', "['']"],
  ['receiver: mail\n', 'receiver: none\n'],
  ['group_wait: 30s', 'group_wait: 30'],
  ['group_wait: 30s', 'group_wait: 30 s'],
  ['group_wait: 30s', 'group_wait: 1.5m'],
  ['group_wait: 30s', 'group_wait: [30s]'],
  ['group_wait: 30s', 'group_wait: #30s'],
  ['group_wait: 30s', 'group_wait: 0'],
  ['group_wait: 30s', 'group_wait: 1m30s'],
  ['group_wait: 30s', 'group_wait: "30s"'],
  ['group_wait', 'group_wiat'],
  ['group_interval: 5m', 'group_interval: 0s'],
  ['repeat_interval: 4h', 'repeat_interval: 0s'],
  ['[alertname, namespace]', '[alertname, alertname]'],
  ['[alertname, namespace]', "['...', namespace]"],
  ['[alertname, namespace]', "['...']"],
  ['[alertname, namespace]', 'alertname'],
  ['severity="critical", \'', "severity, '"],
  ['severity="critical", \'', "severity=critical, '"],
  ['team=~"a|b"', 'team=~"("'],
  ['continue: true', 'continue: "true"'],
  ['continue: true', 'continue: yes'],
  ['continue: true', 'continue: maybe'],
  ['[night]', '[day]'],
  ['equal: [namespace]', 'equal: namespace'],
  ['- source_matchers', '- source_match: { a: b }\n    source_matchers'],
  ['- source_matchers', '- source_match_re: { a: "(" }\n    source_matchers'],
  ['- source_matchers', '- source_match_re: { a: }\n    source_matchers'],
  ['- name: mail', '- name: all'],
  ['- name: mail', '- nmae: mail'],
  ['- name: mail\n', '- name: mail\n    pager_duty_configs: []\n'],
  ['http://tocsin:9093/webhook', 'tocsin:9093/webhook'],
  ['http://tocsin:9093/webhook', 'ftp://tocsin/webhook'],
  ['http://tocsin:9093/webhook', '/webhook'],
  ['http://tocsin:9093/webhook', 'http://'],
  ['url: http://tocsin:9093/webhook', 'url:'],
  ['url: http://tocsin:9093/webhook', 'url_file: /etc/url'],
  ['url: http://tocsin:9093/webhook', 'url_file: /etc/url\n        url: http://tocsin:9093/webhook'],
  ['max_alerts: 0', 'max_alerts: none'],
  ['max_alerts: 0', 'max_alerts: 1.5'],
  ['max_alerts: 0', 'http_config: { basic_auth: { username: a, password: b, password_file: c } }'],
  ['max_alerts: 0', 'http_config: { basic_auth: { username: a }, bearer_token: b }'],
  ['max_alerts: 0', 'http_config: { authorization: { type: Basic, credentials: b } }'],
  ['max_alerts: 0', 'http_config: { tls_config: { insecure_skip_verify: 1 } }'],
  ['to: a@example.com', 'from: a@example.com'],
  ['  smtp_from: tocsin@example.com\n', ''],
  ['  smtp_smarthost: smtp.example.com:587\n', ''],
  ['smtp.example.com:587', 'smtp.example.com'],
  ["{ Subject: 'b' }", '[Subject]'],
  ['  slack_api_url_file: /etc/slack\n', ''],
  ['slack_api_url_file: /etc/slack', 'slack_api_url: Slack-URL'],
  ['slack_api_url_file: /etc/slack', 'slack_api_url: https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX'],
  ["channel: '#monitoring'", 'channel: #monitoring'],
  ["channel: '#monitoring'", 'chanel: "#monitoring"'],
  ["channel: '#monitoring'", 'fields: [{ title: a }]'],
  ["start_time: '22:00'", "start_time: '25:00'"],
  ["start_time: '22:00'", "start_time: '24:00'"],
  ["start_time: '22:00', ", ''],
  ['monday:friday', 'mon:fri'],
  ['monday:friday', 'friday:monday'],
  ["'1:5'", "'1:40'"],
  ["'1:5'", "'0'"],
  ['january:march', 'jan:mar'],
  ['january:march', '13'],
  ["'2026'", "'2026:2020'"],
  ['Europe/Berlin', 'Europe/Nowhere'],
  ['- name: night', '- name: night\n  - name: night'],
  ['- name: night', '- nam: night'],
  ['templates: []', 'templates: a'],
  ['templates: []', 'tempaltes: []'],
  ['templates: []', 'templates: []\ntemplates: []'],
  ['templates: []', 'templates: []\n---\na: 1'],
  ['templates: []', 'templates: ['],
  ['resolve_timeout: 5m', 'resolve_timeout: 5m\n\tx: 1'],
  ['resolve_timeout: 5m', 'resolve_timeout: five'],
  ['global:', 'global: []\nglobals:'],
  ['global:', 'global:\n  http_config: { proxy_url: foo }'],
  [alertmanager, ''],
  [alertmanager, 'a'],
  [alertmanager, '[]'],
];

const prometheusChanges: readonly Change[] = [
  ['alerting:', 'route: {}\nalerting:'],
  ['alerting:', 'receivers: []\nalerting:'],
  ['alerting:', 'alertings:'],
  ['scrape_interval: 15s', 'scrape_interval: 15'],
  ['scrape_interval: 15s', 'scrape_interval: 5s'],
  ['scrape_interval: 15s', 'scrape_intervall: 15s'],
  ['scrape_interval: 15s', 'scrape_interval: 1h 30m'],
  ['scrape_timeout: 10s', 'scrape_timeout: 20s'],
  ['external_labels: { cluster: a }', 'external_labels: [a]'],
  ['external_labels: { cluster: a }', 'external_labels: { cluster: 1 }'],
  ['- action: labeldrop', '- action: labeldrop\n      source_labels: [a]'],
  ['action: labeldrop', 'action: drop_label'],
  ['action: labeldrop', 'action: LabelDrop'],
  ['regex: replica', 'regex: "("'],
  ['regex: replica', 'regex: "(?=a)"'],
  ['scheme: http\n      path', 'scheme: [http]\n      path'],
  ['timeout: 10s', 'timeout: ten'],
  ['api_version: v2', 'api_version: v1'],
  ['api_version: v2', 'api_version: v3'],
  ['api_version: v2', 'authorization: { credentials: a, credentials_file: /dev/null }'],
  ['targets: [tocsin:9093]', 'targets: [http://tocsin:9093]'],
  ['targets: [tocsin:9093]', 'targets: [tocsin:9093/path]'],
  ['targets: [tocsin:9093]', 'targets: tocsin:9093'],
  ['targets: [tocsin:9093]', 'target: [tocsin:9093]'],
  ['targets: [tocsin:9093]', 'targets: [tocsin]'],
  ['targets: [tocsin:9093]', 'targets: []'],
  ['- targets: [tocsin:9093]', '-'],
  ['rule_files: []', 'rule_files: [missing.yml]'],
  ['rule_files: []', "rule_files: ['missing/*.yml']"],
  ['rule_files: []', 'rule_files: ["[.yml"]'],
  ['rule_files: []', 'rule_files: rules.yml'],
  ['rule_files: []', 'rule_files: [rules.txt]'],
  ['job_name: app', 'job_name: files'],
  ['- job_name: app', '- name: app'],
  ['job_name: app', 'job_name: ""'],
  ['- job_name: app', '-\n  - job_name: app'],
  ['scheme: http\n    honor', 'scheme: ftp\n    honor'],
  ['honor_labels: false', 'honor_labels: never'],
  ['honor_labels: false', 'honor_labels: off'],
  ['honor_labels: false', 'honor_labels: 0'],
  ['sample_limit: 1000', 'sample_limit: -1'],
  ['sample_limit: 1000', 'sample_limit: many'],
  ['sample_limit: 1000', 'body_size_limit: 10'],
  ['sample_limit: 1000', 'body_size_limit: 10MB'],
  ['sample_limit: 1000', 'body_size_limit: 10 MB'],
  ['sample_limit: 1000', 'scrape_protocols: [Prometheus]'],
  ['sample_limit: 1000', 'scrape_interval: 5s'],
  ['sample_limit: 1000', 'scrape_interval: 5s\n    scrape_timeout: 6s'],
  ['password_file: /dev/null', 'password_file: /dev/null, password: a'],
  ['basic_auth:', 'bearer_token: a\n    basic_auth:'],
  ['basic_auth:', 'oauth2: { client_id: a, client_secret: b, token_url: http://a/ }\n    basic_auth:'],
  ['basic_auth:', 'tls_config: { cert_file: /dev/null }\n    basic_auth:'],
  ['basic_auth:', 'proxy_url: "::"\n    basic_auth:'],
  ['{ module: [http] }', '{ module: http }'],
  ["'app:8080'", 'null'],
  ['labels: { team: a }', 'labels: { team: [a] }'],
  ['labels: { team: a }', 'labels: { "": a }'],
  ['target_label: instance\n', 'target_label:\n'],
  ["regex: '(.*):80'", "regex: '(.*):80'\n        separator: ''"],
  ['action: replace', 'action: hashmod'],
  ['action: replace', 'action: hashmod\n        modulus: 2'],
  ['action: replace', 'action: lowercase'],
  ['action: replace', 'action: dropequal'],
  ["files: ['targets/*.json']", 'files: []'],
  ["files: ['targets/*.json']", "files: ['targets/*.txt']"],
  ["files: ['targets/*.json']", 'file: a'],
  ['refresh_interval: 1m', 'refresh_interval: soon'],
  ['- url: http://remote:9090/write', '- url: remote'],
  ['- url: http://remote:9090/write\n    name: remote', '- name: remote'],
  ['max_shards: 10', 'max_shards: 0'],
  ['max_shards: 10', 'capacity: 0'],
  ['remote_write:', 'remote_write:\n  - url: http://b/\n    name: remote'],
  ['remote_write:', 'remote_write:\n  -'],
  ['remote_write:', 'storage: { tsdb: { out_of_order_time_window: 1h } }\nremote_write:'],
  ['remote_write:', 'storage: { tsdb: { retention: { percentage: 101 } } }\nremote_write:'],
  ['remote_write:', 'tracing: { insecure: true }\nremote_write:'],
  ['remote_write:', 'global: {}\nremote_write:'],
  [prometheus, ''],
  [prometheus, 'a: 1'],
  [prometheus, '- a'],
];

function corpusOf(base: string, changes: readonly Change[]): readonly CorpusFile[] {
  const replaced = changes.map(([from, to]) => {
    if (!base.includes(from)) throw new Error(`not in the base: ${from}`);
    return {
      name: from === base ? JSON.stringify(to) : `${from.trim()} → ${to.trim()}`,
      text: base.replace(from, () => to),
    };
  });
  return [{ name: 'the base', text: base }, ...replaced];
}

export const alertmanagerFiles = corpusOf(alertmanager, alertmanagerChanges);
export const prometheusFiles = corpusOf(prometheus, prometheusChanges);

type Tree = Record<string, unknown> | unknown[];

/** Every place in a tree: what holds it, and its key there. */
function placesIn(tree: unknown): readonly (readonly [holder: Tree, key: string])[] {
  if (typeof tree !== 'object' || tree === null) return [];
  const holder = tree as Tree;
  return Object.entries(holder).flatMap(([key, value]) => [[holder, key] as const, ...placesIn(value)]);
}

const put = fc.constantFrom<unknown>(
  null,
  'x',
  1,
  true,
  [],
  {},
  ['a'],
  { a: 'b' },
  '',
  0,
  -1,
  '5m',
  'http://a/',
  '(',
  [null],
  1.5,
  'yes',
);
const act = fc.constantFrom('remove', 'rename', 'repeat', 'copy', 'put', 'put', 'put');
const step = fc.record({ at: fc.nat(), from: fc.nat(), act, put });

function changed(
  tree: unknown,
  { at, from, act: action, put: value }: { at: number; from: number; act: string; put: unknown },
): void {
  const places = placesIn(tree);
  const [holder, key] = places[at % Math.max(1, places.length)] ?? [];
  const [other, otherKey] = places[from % Math.max(1, places.length)] ?? [];
  if (holder === undefined || key === undefined || other === undefined || otherKey === undefined) return;
  const values = holder as Record<string, unknown>;
  if (action === 'put') values[key] = value;
  else if (action === 'copy') values[key] = structuredClone((other as Record<string, unknown>)[otherKey]);
  else if (Array.isArray(holder))
    holder.splice(
      Number(key),
      action === 'remove' ? 1 : 0,
      ...(action === 'repeat' ? [structuredClone(values[key])] : []),
    );
  else {
    if (action === 'rename') values[`${key}x`] = values[key];
    if (action !== 'repeat') delete values[key];
  }
}

/** The base of a corpus with one or two arbitrary changes of its values and keys. */
export function arbitraryFile(files: readonly CorpusFile[]): fc.Arbitrary<string> {
  return fc.array(step, { minLength: 1, maxLength: 2 }).map((steps) => {
    const tree: unknown = parse(files[0]!.text);
    for (const each of steps) changed(tree, each);
    return stringify(tree);
  });
}
