import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { objectNames } from './object-names.ts';
import { readProto } from './read-proto.ts';
import { destinationOf } from './read-service-profile.ts';
import { escapeTemplate, routeRules, type RouteRuleOptions } from './route-rules.ts';
import { serviceDestination, type Route } from './route.ts';

const edit: Route = {
  name: 'POST /books/{id}/edit',
  condition: { pathRegex: '/books/[^/]*/edit', method: 'POST' },
  responseClasses: [],
  isRetryable: false,
};

const options: RouteRuleOptions = {
  form: 'linkerd',
  destination: serviceDestination('webapp', 'booksapp', 'cluster.local'),
  thresholds: {
    success: 0.9,
    rps: 100,
    latency: new Map([['0.99', 500]]),
    minRps: 0.1,
    window: 300_000,
    rpsWindow: 60_000,
    for: 120_000,
  },
  pipeline: { type: undefined, name: undefined },
  severity: 'warning',
  successAlert: 'RouteSuccessRateLow',
  runbookUrl: 'https://example.com/docs/route-rules.md',
};

function rulesOf(route: Route, changes: Partial<RouteRuleOptions> = {}) {
  return routeRules([route], { ...options, ...changes }).rules;
}

function withThresholds(changes: Partial<RouteRuleOptions['thresholds']>): Partial<RouteRuleOptions> {
  return { thresholds: { ...options.thresholds, ...changes } };
}

function only(service: string): Route {
  const [, packageName = '', name = ''] = /^(.*)\.(\w+)$/.exec(service) ?? [];
  return readProto({ name: 'p', text: `package ${packageName}; service ${name} { rpc Export (M) returns (M); }` })
    .routes[0]!;
}

describe('routeRules, for the metrics of a ServiceProfile', () => {
  const selector = String.raw`direction="inbound",dst=~"webapp\\.booksapp\\.svc\\.cluster\\.local(:\\d+)?",rt_route="POST /books/{id}/edit"`;

  it('asks for failures ÷ all, with a floor on traffic', () => {
    const by = 'sum by (namespace, dst, rt_route)';
    assert.equal(
      rulesOf(edit)[0]?.expr,
      `${by} (rate(route_response_total{${selector},classification="failure"}[5m]))\n  /\n` +
        `${by} (rate(route_response_total{${selector}}[5m]))\n  > 0.1\nand\n` +
        `${by} (rate(route_response_total{${selector}}[5m])) > 0.1`,
    );
  });

  it('asks for a quantile of the latency in milliseconds, with the same floor', () => {
    assert.equal(
      rulesOf(edit)[1]?.expr,
      `histogram_quantile(0.99, sum by (le, dst, rt_route) (rate(route_response_latency_ms_bucket{${selector}}[5m]))) > 500\nand\n` +
        `sum by (dst, rt_route) (rate(route_response_total{${selector}}[5m])) > 0.1`,
    );
  });

  it('asks for requests a second', () => {
    assert.equal(rulesOf(edit)[2]?.expr, `sum by (dst, rt_route) (rate(route_request_total{${selector}}[1m])) > 100`);
  });

  it('says what is wrong with which route', () => {
    const [success, latency, rps] = rulesOf(edit);
    assert.deepEqual(success, {
      alert: 'RouteSuccessRateLow',
      expr: success?.expr,
      for: '2m',
      labels: { severity: 'warning', route: 'POST /books/{id}/edit' },
      annotations: {
        summary: 'POST /books/{id}/edit of webapp.booksapp: {{ $value | humanizePercentage }} of the requests fail',
        description: 'More than 10% of the requests to POST /books/{id}/edit of webapp.booksapp failed within 5m.',
        runbook_url: 'https://example.com/docs/route-rules.md#routesuccessratelow',
      },
    });
    assert.deepEqual([latency?.alert, latency?.labels['quantile']], ['RouteLatencyHigh', '0.99']);
    assert.equal(rps?.alert, 'RouteRequestRateHigh');
  });

  it('has rules for the given thresholds alone', () => {
    const none = withThresholds({ success: undefined, rps: undefined, latency: new Map() });
    assert.deepEqual(rulesOf(edit, none), []);
    assert.match(rulesOf(edit, withThresholds({ success: 1 }))[0]!.expr, /> 0\nand/);
    assert.match(rulesOf(edit, withThresholds({ success: 0.999 }))[0]!.expr, /> 0\.001\nand/);
  });

  it('quotes whatever a name holds', () => {
    const name = 'a"b\\c\nd\u0001\u{1f600}';
    assert.match(rulesOf({ ...edit, name })[2]!.expr, /rt_route="a\\"b\\\\c\\nd\\u0001\u{1f600}"/u);
  });
});

describe('routeRules, for the metrics of the Gateway API', () => {
  const gateway: Partial<RouteRuleOptions> = { form: 'gateway' };
  const selector =
    'parent_kind="Service",parent_namespace="booksapp",parent_name="webapp",route_kind="HTTPRoute",route_name="post-books-id-edit"';

  it('takes a 5xx, no response and a broken response for failures', () => {
    const by = 'sum by (parent_namespace, parent_name, route_namespace, route_name)';
    const total = 'outbound_http_route_request_statuses_total';
    const [success, latency, rps] = rulesOf(edit, gateway);
    assert.equal(
      success?.expr,
      `${by} (rate(${total}{${selector},http_status=~"|5.."}[5m]) or rate(${total}{${selector},error!=""}[5m]))\n  /\n` +
        `${by} (rate(${total}{${selector}}[5m]))\n  > 0.1\nand\n${by} (rate(${total}{${selector}}[5m])) > 0.1`,
    );
    assert.equal(rps?.expr, `${by} (rate(${total}{${selector}}[1m])) > 100`);
    assert.match(
      latency!.expr,
      /\(le, parent_namespace.*outbound_http_route_request_duration_seconds_bucket\{.*\[5m\]\)\)\) > 0\.5\n/,
    );
  });

  it('follows the response classes of the route', () => {
    const classes = [
      { min: 501, max: 501, isFailure: false },
      { min: 400, max: 499, isFailure: true },
      { min: 300, max: 301, isFailure: true },
    ];
    const [success] = rulesOf({ ...edit, responseClasses: classes }, gateway);
    const failing = /http_status=~"([^"]*)"/.exec(success!.expr)?.[1] ?? '';
    const isFailure = (status: string): boolean => new RegExp(`^(?:${failing})$`).test(status);
    assert.deepEqual(['', '200', '300', '302', '404', '500', '501', '599'].map(isFailure), [
      true,
      false,
      true,
      false,
      true,
      true,
      false,
      true,
    ]);
  });

  it('takes for an rpc the statuses of gRPC that Linkerd takes for failures', () => {
    const [success] = rulesOf(only('votes.PollService'), gateway);
    assert.match(
      success!.expr,
      /outbound_grpc_route_request_statuses_total\{.*route_kind="GRPCRoute",route_name="poll-service-export"/,
    );
    assert.match(
      success!.expr,
      /grpc_status=~"DATA_LOSS\|DEADLINE_EXCEEDED\|INTERNAL\|PERMISSION_DENIED\|UNAVAILABLE\|UNKNOWN"/,
    );
  });

  it('refuses a host that is no service', () => {
    assert.throws(
      () => rulesOf(edit, { ...gateway, destination: destinationOf('example.com') }),
      /example\.com is no service of a cluster/,
    );
  });
});

describe('the pipelines that a bad route wakes', () => {
  it('are those of the flags, by label and by the prefix of the name', () => {
    const [rule] = rulesOf(edit, { pipeline: { type: 'metricpipeline', name: 'backend' } });
    assert.equal(rule?.alert, 'MetricRouteSuccessRateLow');
    assert.deepEqual(rule?.labels, {
      severity: 'warning',
      route: 'POST /books/{id}/edit',
      pipeline_type: 'metricpipeline',
      pipeline_name: 'backend',
    });
  });

  it('are those of the signal, for a service or a path of OTLP', () => {
    const prefixes = ['trace.v1.TraceService', 'metrics.v1.MetricsService', 'logs.v1.LogsService'].map((service) => {
      const [rule] = rulesOf(only(`opentelemetry.proto.collector.${service}`));
      return [rule?.alert.replace('RouteSuccessRateLow', ''), rule?.labels['pipeline_type']];
    });
    assert.deepEqual(prefixes, [
      ['Trace', 'tracepipeline'],
      ['Metric', 'metricpipeline'],
      ['Log', 'logpipeline'],
    ]);
    const http = { ...edit, condition: { pathRegex: '/v1/logs', method: 'POST' } };
    assert.equal(rulesOf(http)[0]?.alert, 'LogRouteSuccessRateLow');
    assert.equal(
      rulesOf(http, { pipeline: { type: 'tracepipeline', name: undefined } })[0]?.alert,
      'TraceRouteSuccessRateLow',
    );
  });

  it('are all without a flag: the name of the alert has no prefix of a kind', () => {
    for (const { alert } of rulesOf(edit)) assert.doesNotMatch(alert, /^(?:Metric|Trace|Log)/);
  });

  it('change their condition by an alert that a health rule knows', () => {
    const changes = { pipeline: { type: 'tracepipeline', name: undefined }, successAlert: 'GatewaySomeDataDropped' };
    assert.equal(rulesOf(edit, changes)[0]?.alert, 'TraceGatewaySomeDataDropped');
    assert.equal(rulesOf(edit, { ...changes, successAlert: 'TraceOther' })[0]?.alert, 'TraceOther');
  });
});

describe('escapeTemplate', () => {
  it('leaves nothing that begins an action, and Go would write the text again', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('{', '}', 'a', '"', '$'), { maxLength: 12 }), (signs) => {
        const text = signs.join('');
        const written = escapeTemplate(text).replaceAll('{{"{{"}}', '\0');
        assert.doesNotMatch(written, /\{\{/);
        assert.equal(written.replaceAll('\0', '{{'), text);
      }),
    );
  });

  it('is done in labels and annotations', () => {
    const [rule] = rulesOf({ ...edit, name: 'GET /{{ .Values.path }}' });
    assert.equal(rule?.labels['route'], 'GET /{{"{{"}} .Values.path }}');
    assert.match(rule?.annotations['summary'] ?? '', /^GET \/\{\{"\{\{"\}\} \.Values\.path \}\} of/);
  });
});

describe('objectNames', () => {
  function namesOf(...routes: readonly Partial<Route>[]): string[] {
    return [...objectNames(routes.map((route) => ({ ...edit, ...route }))).values()];
  }

  it('come from the rpc, the operation, or the name', () => {
    assert.deepEqual(
      namesOf({ operation: 'createBook' }, { name: 'GET /books/{id}.json' }, { name: '{}' }, { operation: '¿' }),
      ['create-book', 'get-books-id-json', 'route', 'post-books-id-edit'],
    );
    assert.deepEqual([...objectNames([only('a.b.VotingService')]).values()], ['voting-service-export']);
  });

  it('are names of Kubernetes, each once, whatever the routes are called', () => {
    const name = fc.oneof(
      fc.constantFrom('a', 'GET /a', 'get a', 'x'.repeat(80)),
      fc.array(fc.nat(0x2ff)).map((codes) => String.fromCharCode(...codes)),
    );
    fc.assert(
      fc.property(fc.array(name, { maxLength: 12 }), (given) => {
        const found = namesOf(...given.map((each) => ({ name: each })));
        assert.equal(new Set(found).size, given.length);
        for (const each of found) assert.match(each, /^[a-z\d](?:[-a-z\d]{0,61}[a-z\d])?$/);
      }),
    );
  });
});
