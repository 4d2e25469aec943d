import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config, readAnnotationKey, readAnnotationValue } from './config.ts';
import { HttpConfig } from './http-config.ts';
import { keyPaths, keysAt } from './settings/setting.ts';

/** What the schema says about one value while all other keys have their defaults. */
function messageFor(path: string, value: unknown): string | undefined {
  const nested = path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value);
  return Config.safeParse(nested)
    .error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    .join('; ');
}

const sizes = [
  'receiver.max_body_size',
  'receiver.max_alerts_size',
  'receiver.max_silence_size',
  'receiver.max_header_size',
  'receiver.max_connection_memory',
  'prometheus.max_response_size',
  'prometheus.max_firing_size',
  'notify.max_size',
];
const counts = [
  'receiver.max_alerts',
  'receiver.max_labels_per_alert',
  'receiver.max_silences',
  'receiver.max_headers',
  'receiver.max_connections',
  'source.channel.capacity',
  'controller.max_concurrent_reconciles',
  'prometheus.max_replicas',
  'notify.batch_size',
  'log.alert_lines_per_second',
  'triggers.limits.max_per_namespace',
  'triggers.limits.max_matchers',
  'triggers.limits.max_targets',
  'storm.objects',
  'storm.rate',
];
const countsOrNull = ['pipelines.kubernetes.qps', 'pipelines.kubernetes.burst'];
const durations = [
  'receiver.resolve_timeout',
  'receiver.webhook_resolve_timeout',
  'receiver.silence_retention',
  'receiver.header_timeout',
  'receiver.request_timeout',
  'receiver.idle_timeout',
  'receiver.tls_handshake_timeout',
  'receiver.watchdog.after',
  'source.debounce.max_wait',
  'controller.requeue_after',
  'controller.drain_timeout',
  'prometheus.timeout',
  'notify.resend_delay',
  'notify.timeout',
];
const orZero = [
  'source.debounce.wait',
  'controller.resync',
  'prometheus.heal_grace',
  'prometheus.unknown_after',
  'prometheus.check_interval',
  'history.retention',
  'triggers.limits.min_interval',
];

describe('Config', () => {
  it('has these keys and defaults', () => {
    assert.deepEqual(Config.parse({}), {
      receiver: {
        max_body_size: 16 * 1024 ** 2,
        max_alerts: 100_000,
        max_alerts_size: 80 * 1024 ** 2,
        resolve_timeout: 300_000,
        webhook_resolve_timeout: 90_000_000,
        group_by: ['alertname'],
        max_labels_per_alert: 4096,
        silence_storage: 'auto',
        max_silences: 10_000,
        max_silence_size: 64 * 1024,
        silence_retention: 432_000_000,
        max_header_size: 16 * 1024,
        max_headers: 100,
        header_timeout: 10_000,
        request_timeout: 30_000,
        idle_timeout: 120_000,
        tls_handshake_timeout: 10_000,
        max_connections: 16_384,
        max_connection_memory: 44 * 1024 ** 2,
        advertised_urls: [],
        watchdog: { matcher: null, after: 300_000 },
      },
      source: {
        debounce: { wait: 500, max_wait: 1000 },
        channel: { capacity: 1024 },
        select: 'all',
        repeats: 'trigger',
      },
      lanes: { platform: ['openshift_io_alert_source="platform"'], reserved_workers: 1 },
      controller: {
        action: 'condition',
        annotate: {
          requested_at_key: 'tocsin.dev/requested-at',
          requested_at_value: null,
          cause_key: 'tocsin.dev/cause',
        },
        max_concurrent_reconciles: 8,
        requeue_after: 300_000,
        resync: 600_000,
        drain_timeout: 20_000,
      },
      prometheus: {
        url: null,
        resolve: 'one',
        max_replicas: 8,
        params: new Map(),
        ignored_labels: ['prometheus_replica'],
        timeout: 10_000,
        max_response_size: 64 * 1024 ** 2,
        max_firing_size: 22 * 1024 ** 2,
        heal_grace: 120_000,
        unknown_after: 5000,
        check_interval: 60_000,
        require_rules: false,
        http_config: HttpConfig.parse({}),
      },
      pipelines: { folder: 'examples/pipelines', kubernetes: { kinds: null, qps: null, burst: null } },
      history: { retention: 86_400_000, max_size: 64 * 1024 ** 2, payloads: 100 },
      notify: {
        alertmanagers: [],
        labels: new Map(),
        unknown: false,
        resend_delay: 60_000,
        timeout: 10_000,
        batch_size: 64,
        max_size: 4 * 1024 ** 2,
      },
      triggers: {
        default: 'auto',
        from_namespaces: 'none',
        namespace_selector: { matchLabels: { 'tocsin.dev/triggers': 'true' } },
        exclude_namespaces: [],
        opt_out_label: 'openshift.io/user-monitoring',
        namespace_label: 'namespace',
        matcher_strategy: 'OnNamespace',
        allowed_targets: [],
        limits: { min_interval: 1000, max_per_namespace: 50, max_matchers: 20, max_targets: 20 },
        severities: ['critical', 'error', 'warning', 'info'],
        list: [],
      },
      storm: { share: 0.5, objects: 100, rate: 10 },
      replicas: {
        enabled: 'auto',
        identity: null,
        lease: { namespace: null, name: 'tocsin', duration: 15_000, renew_deadline: 10_000, retry_period: 2000 },
        service: 'tocsin-peers',
        peers: [],
        advertise: null,
        token_file: null,
        http_config: HttpConfig.parse({}),
      },
      tenants: {
        by: null,
        header: 'X-Scope-OrgID',
        label: 'cluster',
        default: null,
        list: [],
        folder: null,
        allowed_urls: null,
        deny_private: false,
        metrics: false,
      },
      log: { alert_lines_per_second: 50 },
    });
  });

  it('takes a section that is null for its defaults', () => {
    assert.deepEqual(Config.parse({ receiver: null, source: { debounce: null, select: 'all' } }), Config.parse({}));
  });

  it('gives milliseconds, bytes and numbers', () => {
    const config = Config.parse({
      receiver: { max_body_size: '1KiB', max_alerts: 1, resolve_timeout: '1h30m' },
      source: { debounce: { wait: '0s', max_wait: '1ms' }, select: 'labels', repeats: 'ignore' },
      controller: { action: 'log', resync: 0 },
      prometheus: { url: 'http://prometheus:9090/prefix/' },
    });
    assert.deepEqual([config.receiver.max_body_size, config.receiver.max_alerts], [1024, 1]);
    assert.equal(config.receiver.resolve_timeout, 5_400_000);
    assert.deepEqual(config.source.debounce, { wait: 0, max_wait: 1 });
    assert.deepEqual([config.controller.action, config.controller.resync], ['log', 0]);
    assert.deepEqual(config.prometheus.url, ['http://prometheus:9090/prefix']);
  });

  it('is covered by the tables of this test: every key that has a bound', () => {
    const others = [
      'receiver.group_by',
      'receiver.advertised_urls',
      'receiver.watchdog.matcher',
      'source.select',
      'source.repeats',
      'lanes.platform',
      'lanes.reserved_workers',
      'controller.action',
      'prometheus.url',
      'prometheus.resolve',
      'prometheus.params',
      'prometheus.ignored_labels',
      'prometheus.require_rules',
      'receiver.silence_storage',
      'pipelines.folder',
      'pipelines.kubernetes.kinds',
      'history.max_size',
      'history.payloads',
      'notify.alertmanagers',
      'notify.labels',
      'notify.unknown',
      'triggers.default',
      'triggers.from_namespaces',
      'triggers.namespace_selector',
      'triggers.exclude_namespaces',
      'triggers.opt_out_label',
      'triggers.namespace_label',
      'triggers.matcher_strategy',
      'triggers.allowed_targets',
      'triggers.severities',
      'triggers.list',
      'storm.share',
      'tenants.by',
      'tenants.header',
      'tenants.label',
      'tenants.default',
      'tenants.list',
      'tenants.folder',
      'tenants.allowed_urls',
      'tenants.deny_private',
      'tenants.metrics',
    ];
    const annotate = ['requested_at_key', 'requested_at_value', 'cause_key'].map((key) => `controller.annotate.${key}`);
    // http_config and replicas have tests of their own.
    const settings = keyPaths(Config).filter(
      (path) => keysAt(Config, path) === undefined && path[1] !== 'http_config' && path[0] !== 'replicas',
    );
    const tested = [...sizes, ...counts, ...countsOrNull, ...durations, ...orZero, ...others, ...annotate];
    assert.deepEqual(settings.map((path) => path.join('.')).toSorted(), tested.toSorted());
  });

  it('reads the rules if they are required', () => {
    assert.equal(messageFor('prometheus.require_rules', true), undefined);
    assert.match(messageFor('prometheus', { require_rules: true, check_interval: '0s' }) ?? '', /above 0s/);
    assert.match(messageFor('prometheus.require_rules', 'yes') ?? '', /true or false/);
  });

  it('takes a list of URLs for receiver.advertised_urls', () => {
    assert.equal(messageFor('receiver.advertised_urls', ['http://tocsin.tocsin:9093', 'https://a.b/c']), undefined);
    assert.match(messageFor('receiver.advertised_urls', ['tocsin:9093']) ?? '', /http/);
    assert.match(messageFor('receiver.advertised_urls', 'http://tocsin') ?? '', /list/);
  });

  it('takes one matcher for receiver.watchdog.matcher, or none', () => {
    const path = 'receiver.watchdog.matcher';
    for (const value of ['alertname="Watchdog"', 'severity=~"none|info"', null])
      assert.equal(messageFor(path, value), undefined, String(value));
    for (const value of ['Watchdog', '{alertname="Watchdog"}', 'a=~"("', 5, ''])
      assert.match(messageFor(path, value) ?? '', /allowed: one matcher, as in alertname="Watchdog"/, String(value));
  });

  it('takes one matcher or a list of them for lanes.platform, or none', () => {
    const path = 'lanes.platform';
    for (const [value, read] of [
      ['a="b"', ['a="b"']],
      [
        ['a="b"', 'c=~"d.*"'],
        ['a="b"', 'c=~"d.*"'],
      ],
      [[], []],
      [null, []],
    ] as const)
      assert.deepEqual(Config.parse({ lanes: { platform: value } }).lanes.platform, read);
    for (const value of ['platform', ['a="b"', 'a=~"("'], 5, '', [5]])
      assert.match(
        messageFor(path, value) ?? '',
        /allowed: one matcher, a list of matchers, or null, as in/,
        String(value),
      );
    assert.equal(messageFor('lanes.reserved_workers', 0), undefined);
    assert.match(messageFor('lanes.reserved_workers', -1) ?? '', /a whole number from 0 up/);
  });

  it('takes up to 8 Alertmanagers, each once', () => {
    const path = 'notify.alertmanagers';
    const one = { url: 'http://alertmanager:9093/prefix/' };
    for (const value of [null, [], [one], [{ ...one, http_config: { basic_auth: { username: 'ann' } } }]])
      assert.equal(messageFor(path, value), undefined);
    assert.equal(Config.parse({ notify: { alertmanagers: [one] } }).notify.alertmanagers[0]?.url, one.url.slice(0, -1));
    for (const [value, expected] of [
      ['http://alertmanager:9093', /a list, as in/],
      [[{}], /0\.url: missing/],
      [[{ url: 'ftp://alertmanager' }], /an http or https URL .*, as in http:\/\/alertmanager:9093\/prefix$/],
      [[{ url: 'alertmanager:9093' }], /did you mean "http:\/\/alertmanager:9093"/],
      [[{ url: 'http://alertmanager:6000' }], /another port, as the fetch standard blocks 6000/],
      [[one, one], /one URL twice/],
      [
        Array.from({ length: 9 }, (_, index) => ({ url: `http://a${index}` })),
        /found 9 Alertmanagers, allowed: at most 8/,
      ],
      [[{ ...one, api_version: 'v2' }], /api_version|unknown/],
    ] as const)
      assert.match(messageFor(path, value) ?? '', expected, JSON.stringify(value));
  });

  it('takes labels for notify.labels that no alert has already', () => {
    const path = 'notify.labels';
    assert.equal(messageFor(path, { severity: 'critical', team: 'telemetry' }), undefined);
    for (const value of [{ name: 'x' }, { tocsin: 'x' }, { 'a-b': 'x' }, { severity: '' }, { severity: 5 }, [], 'a'])
      assert.match(messageFor(path, value) ?? '', /allowed: /, JSON.stringify(value));
    const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`l${index}`, 'x']));
    assert.match(messageFor(path, many) ?? '', /found 17 labels, allowed: at most 16/);
  });

  it('tells nobody of verdicts that an action does not give', () => {
    const notify = { alertmanagers: [{ url: 'http://alertmanager:9093' }] };
    const problems = Config.safeParse({ controller: { action: 'annotate' }, notify }).error?.issues ?? [];
    assert.deepEqual(
      problems.map(({ path }) => path.join('.')),
      ['notify.alertmanagers'],
    );
    assert.match(problems[0]?.message ?? '', /decides nothing that could be told/);
    assert.ok(Config.safeParse({ controller: { action: 'log' }, notify }).success);
  });

  it('takes history.max_size from 1MiB to 4GiB, and any number of payloads, none too', () => {
    for (const value of ['1MiB', '4GiB']) assert.equal(messageFor('history.max_size', value), undefined, value);
    for (const value of ['1023KiB', '5GiB']) assert.match(messageFor('history.max_size', value) ?? '', /1MiB/, value);
    for (const value of [0, 1, 1000]) assert.equal(messageFor('history.payloads', value), undefined);
    for (const value of [-1, 1.5, 'many']) assert.match(messageFor('history.payloads', value) ?? '', /from 0 up/);
  });

  for (const path of sizes) {
    it(`takes ${path} as a size from 1KiB up`, () => {
      assert.equal(messageFor(path, '1KiB'), undefined);
      for (const value of ['1023B', 1_048_576, '16MB', '', null, true, ['1MiB']]) {
        assert.match(messageFor(path, value) ?? '', new RegExp(`^${path}: found .* allowed: a size from 1KiB`));
      }
    });
  }

  for (const path of counts) {
    it(`takes ${path} as a whole number from 1 up`, () => {
      assert.equal(messageFor(path, 1), undefined);
      for (const value of [0, -1, 1.5, '5', NaN, Infinity, 2 ** 53, null, true, [5]]) {
        assert.match(
          messageFor(path, value) ?? '',
          new RegExp(`^${path}: found .* allowed: a whole number from 1 up$`),
        );
      }
    });
  }

  for (const path of countsOrNull) {
    it(`takes ${path} as a whole number from 1 up, or null`, () => {
      for (const value of [1, null]) assert.equal(messageFor(path, value), undefined);
      for (const value of [0, -1, 1.5, '5', true, [5]]) {
        assert.match(
          messageFor(path, value) ?? '',
          new RegExp(`^${path}: found .* allowed: a whole number from 1 up$`),
        );
      }
    });
  }

  for (const path of durations) {
    it(`takes ${path} as a duration above 0`, () => {
      // The shortest possible wait, so that max_wait may be short too.
      const debounce = { wait: '0s', max_wait: '1ms' };
      assert.ok(Config.safeParse({ source: { debounce } }).success);
      if (path !== 'source.debounce.max_wait') assert.equal(messageFor(path, '1ms'), undefined);
      for (const value of ['0s', '0', 0, '-1s', '1.5h', 5, '', null, '200y', ['5s']]) {
        assert.match(messageFor(path, value) ?? '', new RegExp(`^${path}: found .* allowed: a duration from 1ms`));
      }
    });
  }

  for (const path of orZero) {
    it(`takes ${path} as a duration, 0 included`, () => {
      for (const value of ['0s', '0', 0, '1s']) assert.equal(messageFor(path, value), undefined);
      for (const value of ['-1s', 5, null, '200y']) {
        assert.match(messageFor(path, value) ?? '', new RegExp(`^${path}: found .* allowed: a duration from 0s`));
      }
    });
  }

  it('keeps what a timer of Node measures to what such a timer can wait', () => {
    assert.match(messageFor('prometheus.timeout', '25d') ?? '', /from 1ms to 1w/);
    assert.equal(messageFor('controller.resync', '1y'), undefined);
  });

  it('takes at most 256MiB for a body', () => {
    assert.equal(messageFor('receiver.max_body_size', '256MiB'), undefined);
    assert.match(
      messageFor('receiver.max_body_size', '257MiB') ?? '',
      /found "257MiB", allowed: a size from 1KiB to 256MiB/,
    );
  });

  it('does not suggest what it would refuse', () => {
    assert.match(messageFor('receiver.max_body_size', '512MB') ?? '', /found "512MB", allowed/);
    assert.match(messageFor('receiver.max_alerts', '0') ?? '', /found "0", allowed/);
  });

  it('refuses a max_wait below wait, at max_wait, whichever of them is in the file', () => {
    const refusal = (found: string): string =>
      `source.debounce.max_wait: found "${found}", allowed: at least wait, which is "10s"`;
    assert.equal(messageFor('source.debounce', { wait: '10s' }), refusal('1s'));
    assert.equal(messageFor('source.debounce', { wait: '10s', max_wait: '5s' }), refusal('5s'));
    assert.match(messageFor('source.debounce', { max_wait: '100ms' }) ?? '', /max_wait: found "100ms".*"500ms"/);
    assert.equal(messageFor('source.debounce', { wait: '1s' }), undefined);
  });

  it('compares max_wait and wait also where another key of the section is wrong, but not if one of the two is', () => {
    assert.match(messageFor('source.debounce', { wait: '10s', foo: 1 }) ?? '', /Unrecognized.*; .*at least wait/);
    assert.doesNotMatch(messageFor('source.debounce', { wait: '10s', max_wait: 'x' }) ?? '', /at least wait/);
  });

  it('takes keys and values of annotations, and two keys that differ', () => {
    const annotate = { requested_at_key: 'argocd.argoproj.io/refresh', requested_at_value: 'normal', cause_key: null };
    assert.equal(messageFor('controller.annotate', annotate), undefined);
    assert.match(
      messageFor('controller.annotate.requested_at_key', null) ?? '',
      /found null, allowed: an annotation's/,
    );
    assert.match(messageFor('controller.annotate.cause_key', 'a b') ?? '', /found "a b", allowed: an annotation's/);
    assert.match(messageFor('controller.annotate.requested_at_value', 5) ?? '', /found 5, allowed: a text of one line/);
    assert.equal(
      messageFor('controller.annotate', { requested_at_key: 'a', cause_key: 'a' }),
      'controller.annotate.cause_key: found the value of requested_at_key, allowed: another key, or null',
    );
  });

  it('suggests the word that was meant', () => {
    assert.equal(
      messageFor('source.repeats', 'trigerr'),
      'source.repeats: found "trigerr", did you mean "trigger"? allowed: trigger, ignore',
    );
  });

  it('takes a list of names for the groups, and nothing else', () => {
    for (const value of [[], ['...'], ['alertname', 'ключ x']])
      assert.equal(messageFor('receiver.group_by', value), undefined);
    for (const value of ['alertname', null, 5, [''], [5], ['a', 'a']]) {
      assert.match(messageFor('receiver.group_by', value) ?? '', /allowed: a list of names/);
    }
  });

  it('refuses kinds without health rules for the action condition, and only for it', () => {
    const kubernetes = (...kinds: readonly object[]) => ({ pipelines: { kubernetes: { kinds } } });
    const apps = { group: 'apps', version: 'v1', resource: 'deployments' };
    const traces = { group: 'telemetry.kyma-project.io', version: 'v1beta1', resource: 'tracepipelines' };
    assert.ok(Config.safeParse(kubernetes(traces)).success);
    assert.match(
      Config.safeParse(kubernetes(traces, apps)).error?.issues[0]?.message ?? '',
      /^found deployments\.apps, allowed with controller\.action condition: .*take the action annotate or log$/,
    );
    for (const action of ['annotate', 'log']) {
      assert.ok(Config.safeParse({ ...kubernetes(apps), controller: { action } }).success);
    }
  });

  it('takes a path for the folder, and nothing else', () => {
    assert.equal(messageFor('pipelines.folder', '/etc/tocsin/pipelines'), undefined);
    for (const value of ['', ' ', null, 5, 'a\0b', 'http://host/x']) {
      assert.match(messageFor('pipelines.folder', value) ?? '', /allowed: a path/);
    }
  });

  it('refuses a section that is no map', () => {
    for (const value of [5, 'x', [], true]) {
      assert.match(
        messageFor('source.channel', value) ?? '',
        /^source.channel: found .*, allowed: a map with the keys capacity$/,
      );
    }
  });
});

describe('keysAt', () => {
  it('lists the keys of a section, and none where there is no section', () => {
    assert.deepEqual([...(keysAt(Config, ['source', 'debounce'])?.keys() ?? [])], ['wait', 'max_wait']);
    assert.equal(keysAt(Config, ['source', 'select']), undefined);
    assert.equal(keysAt(Config, ['nowhere', 'at', 'all']), undefined);
  });
});

describe('readAnnotationKey', () => {
  const long = 'a'.repeat(63);
  const good = [
    'tocsin.dev/requested-at',
    'reconcile.fluxcd.io/requestedAt',
    'argocd.argoproj.io/refresh',
    'plain',
    `Example.COM/${long}`,
    'a.b-c.d/X_1.y',
  ];
  for (const key of good) it(`takes ${key}`, () => assert.deepEqual(readAnnotationKey(key), { value: key }));

  const bad = [
    '',
    '/',
    'a/',
    '/a',
    'a/b/c',
    'a b',
    `${long}a`,
    '-a',
    'a-',
    'a_b.io/x',
    'é',
    `${'a.'.repeat(127)}a/x`,
    7,
    null,
    {},
  ];
  for (const key of bad) {
    it(`refuses ${JSON.stringify(key)}`, () => assert.ok('allowed' in readAnnotationKey(key)));
  }
});

describe('readAnnotationValue', () => {
  it('takes one short line', () => {
    assert.deepEqual(readAnnotationValue('normal'), { value: 'normal' });
    for (const found of ['a\nb', 'x'.repeat(257), 7, true]) assert.ok('allowed' in readAnnotationValue(found));
  });
});
