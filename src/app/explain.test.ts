import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fingerprint } from '../alert/labels.ts';
import { documentedPaths } from '../explain/openapi.ts';
import { explainBench, json, type ExplainBench } from './explain.fixture.ts';

const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };
const down = { labels: { alertname: 'InstanceDown', job: 'app' } };

function fingerprintOf({ labels }: { readonly labels: Readonly<Record<string, string>> }): string {
  return fingerprint(labels);
}

async function silence({ url, clock }: ExplainBench, alertname: string): Promise<string> {
  const [startsAt, endsAt] = [clock.now(), clock.now() + 3_600_000].map((time) => new Date(time).toISOString());
  const matchers = [{ name: 'alertname', value: alertname, isRegex: false }];
  const body = { matchers, startsAt, endsAt, createdBy: 'me', comment: 'window' };
  const response = await fetch(`${url}/api/v2/silences`, json(body));
  return ((await response.json()) as { readonly silenceID: string }).silenceID;
}

describe('GET /pipelines', () => {
  it('shows each with its condition, the alerts that fire for it, its last run and its next look', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling], 'r1');
    const { items } = await bench.ask('Pipelines', '/pipelines');
    const [metric, trace] = items;
    assert.deepEqual([metric?.condition?.reason, metric?.firing], ['FlowHealthy', []]);
    assert.equal(metric?.next_look?.why, 'resync');
    assert.deepEqual(
      [trace?.condition?.reason, trace?.firing[0]?.alertname],
      ['GatewayThrottling', 'TraceGatewayThrottling'],
    );
    assert.deepEqual([trace?.next_look?.why, trace?.last_run?.outcome], ['requeue', 'changed']);
    const first = await bench.ask('Pipelines', '/pipelines?limit=1');
    const second = await bench.ask('Pipelines', `/pipelines?limit=1&cursor=${encodeURIComponent(first.next!)}`);
    assert.deepEqual(
      [...first.items, ...second.items].map(({ kind }) => kind),
      ['MetricPipeline', 'TracePipeline'],
    );
    assert.equal(second.next, undefined);
  });

  it('names few causes of the last run, counts the rest, and tells all of them with the runs', async (t) => {
    const bench = await explainBench(t);
    const alerts = Array.from({ length: 10 }, (_, index) => ({ labels: { alertname: `A${index}` } }));
    await bench.post(alerts, 'r1');
    const { items } = await bench.ask('Pipelines', '/pipelines');
    assert.equal(items.length, 2);
    for (const { last_run: run } of items) {
      assert.deepEqual(
        run?.causes.map(({ alertname }) => alertname),
        ['A7', 'A8', 'A9'],
      );
      assert.equal(run?.more_causes, 7);
    }
    const [run] = (await bench.ask('Runs', '/pipelines/tracepipeline/backend')).items;
    assert.deepEqual([run?.causes.length, run?.more_causes], [10, 0]);
  });

  it('names the silences that keep an alert from waking it', async (t) => {
    const bench = await explainBench(t, { source: { select: 'labels' } });
    const id = await silence(bench, 'TraceGatewayThrottling');
    await bench.post([throttling], 'r1');
    const { items } = await bench.ask('Pipelines', '/pipelines');
    assert.deepEqual(
      items.map(({ paused_by }) => paused_by),
      [[], [id]],
    );
  });
});

describe('GET /pipelines/{kind}/{name}', () => {
  it('gives for each run its causes, its time, its findings and its effects, the newest first', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling, down], 'r1');
    const { items } = await bench.ask('Runs', '/pipelines/tracepipeline/backend');
    const [run, start] = items;
    assert.deepEqual([run?.priority, run?.triggers, run?.request_ids], ['alert', ['alert'], ['r1']]);
    assert.deepEqual(
      run?.causes.map(({ alertname, status, fingerprint: id }) => [alertname, status, id]),
      [throttling, down].map((alert) => [alert.labels.alertname, 'firing', fingerprintOf(alert)]),
    );
    assert.deepEqual([run?.outcome, run?.because, run?.transition?.to], ['changed', undefined, 'False']);
    assert.equal(run?.decided_by[0]?.alertname, 'TraceGatewayThrottling');
    for (const hop of ['received', 'emitted', 'enqueued', 'started', 'written', 'finished'] as const)
      assert.ok(run.hops[hop] !== undefined, hop);
    assert.deepEqual([start?.triggers, start?.decided_because], [['start'], 'no alert of this pipeline fires']);
  });

  it('knows when an alert began or ended, by its sender, and writes any time that a sender can name', async (t) => {
    const bench = await explainBench(t);
    const startsAt = '2026-11-21T02:59:58.500Z';
    await bench.post([{ ...throttling, startsAt }], 'r1');
    // An offset moves the end out of the years that have four digits.
    const endsAt = '9999-12-31T23:59:59.9-23:00';
    const odd = { labels: { alertname: 'Odd' }, startsAt, endsAt };
    await bench.post([{ ...throttling, startsAt, endsAt: startsAt }, odd], 'r2');
    const { items } = await bench.ask('Runs', '/pipelines/TracePipeline/backend?limit=2');
    assert.deepEqual(
      items.map(({ causes }) => causes.map(({ status, changed_at: at }) => [status, at])),
      [
        [
          ['resolved', startsAt],
          ['firing', startsAt],
        ],
        [['firing', startsAt]],
      ],
    );
    const { alert } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(odd)}`);
    assert.equal(alert?.ends_at, '9999-12-31T23:59:59.999Z');
  });

  it('has them after a restart, page by page', async (t) => {
    const bench = await explainBench(t);
    for (const id of ['r1', 'r2', 'r3']) await bench.post([throttling], id);
    await bench.restart();
    const seen: unknown[] = [];
    for (let cursor = ''; ;) {
      const { items, next } = await bench.ask('Runs', `/pipelines/TracePipeline/backend?limit=2${cursor}`);
      seen.push(...items.map((run) => run.request_ids[0] ?? run.triggers[0]));
      if (next === undefined) break;
      cursor = `&cursor=${next}`;
    }
    assert.deepEqual(seen, ['start', 'r3', 'r2', 'r1', 'start']);
  });

  it('is empty for a pipeline that does not exist', async (t) => {
    const bench = await explainBench(t);
    assert.deepEqual(await bench.ask('Runs', '/pipelines/TracePipeline/team/other'), { items: [] });
  });
});

describe('GET /alerts/{fingerprint}, every reason why an alert did something or nothing', () => {
  const verdicts = async (bench: ExplainBench, alert: typeof throttling): Promise<readonly unknown[]> => {
    const { effects } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(alert)}`);
    return effects.map(({ request_id, verdict, runs }) => [request_id, verdict, runs.length]);
  };

  it('woke', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling], 'r1');
    await bench.post([throttling], 'r2');
    assert.deepEqual(await verdicts(bench, throttling), [
      ['r2', 'woke', 2],
      ['r1', 'woke', 2],
    ]);
  });

  it('merged, with those that waited', async (t) => {
    const bench = await explainBench(t);
    const headers = { 'Content-Type': 'application/json' };
    for (const [index, alert] of [down, down, throttling].entries())
      await fetch(`${bench.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { ...headers, 'X-Request-Id': `r${index}` },
        body: JSON.stringify([alert]),
      });
    await bench.settle(2000);
    assert.deepEqual(await verdicts(bench, throttling), [['r2', 'merged', 2]]);
    assert.deepEqual(await verdicts(bench, down as never), [
      ['r1', 'woke', 2],
      ['r0', 'woke', 2],
    ]);
  });

  it('silenced, by which silence; and woke when that ended', async (t) => {
    const bench = await explainBench(t);
    const id = await silence(bench, 'TraceGatewayThrottling');
    await bench.post([throttling], 'r1');
    const { effects } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(throttling)}`);
    assert.deepEqual(
      effects.map(({ verdict, silences, runs }) => [verdict, silences, runs]),
      [['silenced', [id], []]],
    );
    await fetch(`${bench.url}/api/v2/silence/${id}`, { method: 'DELETE' });
    await bench.settle(2000);
    assert.deepEqual(await verdicts(bench, throttling), [
      [undefined, 'woke', 2],
      ['r1', 'silenced', 0],
    ]);
  });

  it('repeat_ignored', async (t) => {
    const bench = await explainBench(t, { source: { repeats: 'ignore' } });
    await bench.post([throttling], 'r1');
    await bench.post([throttling], 'r2');
    assert.deepEqual(await verdicts(bench, throttling), [
      ['r2', 'repeat_ignored', 0],
      ['r1', 'woke', 2],
    ]);
  });

  it('no_pipeline, alone and beside an alert that concerns a pipeline', async (t) => {
    const bench = await explainBench(t, { source: { select: 'labels' } });
    const log = { labels: { alertname: 'LogAgentThrottling' } };
    await bench.post([log], 'r1');
    await bench.post([log, throttling], 'r2');
    assert.deepEqual(await verdicts(bench, log), [
      ['r2', 'no_pipeline', 0],
      ['r1', 'no_pipeline', 0],
    ]);
    assert.deepEqual(await verdicts(bench, throttling), [['r2', 'woke', 1]]);
  });

  it('invalid, and why', async (t) => {
    const bench = await explainBench(t, { receiver: { max_labels_per_alert: 1 } });
    await bench.post([down], 'r1');
    const { alert, effects } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(down)}`);
    assert.equal(alert?.alertname, 'InstanceDown');
    assert.deepEqual(
      effects.map(({ verdict }) => verdict),
      ['invalid'],
    );
    assert.match(effects[0]?.because ?? '', /max_labels_per_alert/);
  });

  it('over_limit, which still wakes a run', async (t) => {
    const bench = await explainBench(t, { receiver: { max_alerts: 1 } });
    await bench.post([down], 'r1');
    await bench.post([throttling], 'r2');
    assert.deepEqual(await verdicts(bench, throttling), [['r2', 'over_limit', 2]]);
  });

  it('not_received', async (t) => {
    const bench = await explainBench(t);
    assert.deepEqual(await verdicts(bench, throttling), [[undefined, 'not_received', 0]]);
    const wrong = await bench.ask('ApiError', '/alerts/xyz');
    assert.equal(wrong.code, 400);
  });

  it('woke in the lane of the platform, in an event of its own beside those that waited', async (t) => {
    const bench = await explainBench(t, { lanes: { platform: 'alertname="TraceGatewayThrottling"' } });
    for (const requestId of ['r0', 'r1'])
      await fetch(`${bench.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-Request-Id': requestId },
        body: JSON.stringify(requestId === 'r0' ? [down] : [down, throttling]),
      });
    await bench.settle(2000);
    const { effects } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(throttling)}`);
    assert.deepEqual(
      effects.map(({ request_id, verdict, because, runs }) => [request_id, verdict, because, runs.length]),
      [['r1', 'woke', 'it is an alert of the platform (lanes.platform), which goes first', 2]],
    );
    assert.deepEqual(await verdicts(bench, down as never), [
      ['r1', 'woke', 2],
      ['r0', 'woke', 2],
    ]);
    const { items } = await bench.ask('Runs', '/pipelines/tracepipeline/backend');
    const alertnames = items.map(({ priority, causes }) => [priority, ...causes.map(({ alertname }) => alertname)]);
    assert.ok(
      alertnames.some(([priority, ...names]) => priority === 'platform' && names.join() === 'TraceGatewayThrottling'),
    );
  });

  it('woke, because it expired', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling], 'r1');
    await bench.settle(301_000);
    const { effects } = await bench.ask('ExplainedAlert', `/alerts/${fingerprintOf(throttling)}`);
    assert.deepEqual(
      effects.map(({ verdict, request_id }) => [verdict, request_id]),
      [
        ['woke', undefined],
        ['woke', 'r1'],
      ],
    );
    assert.match(effects[0]?.because ?? '', /nobody sent it again/);
  });
});

describe('GET /alerts', () => {
  it('lists an alert whose labels are too large for the history once, and makes up no other', async (t) => {
    const bench = await explainBench(t);
    await bench.post([{ labels: { alertname: 'Huge', text: 'x'.repeat(10_000), a: 'b' } }], 'r1');
    await bench.settle(1000);
    const { items } = await bench.ask('Alerts', '/alerts');
    assert.deepEqual(
      items.map(({ alertname, labels }) => [alertname, Object.keys(labels).length]),
      [['Huge', 3]],
    );
  });

  it('lists the alerts that match, in pages, invalid ones too', async (t) => {
    const bench = await explainBench(t);
    await bench.post(
      [
        throttling,
        down,
        { labels: { alertname: 'Odd' }, startsAt: '2026-11-22T00:00:00Z', endsAt: '2026-11-21T00:00:00Z' },
      ],
      'r1',
    );
    const names = async (query: string): Promise<readonly string[]> =>
      (await bench.ask('Alerts', `/alerts${query}`)).items
        .map(({ alertname, status }) => `${alertname} ${status}`)
        .toSorted();
    assert.deepEqual(await names(''), ['InstanceDown firing', 'Odd invalid', 'TraceGatewayThrottling firing']);
    assert.deepEqual(await names('?filter=job%3Dapp'), ['InstanceDown firing']);
    const first = await bench.ask('Alerts', '/alerts?limit=2');
    const second = await bench.ask('Alerts', `/alerts?limit=2&cursor=${first.next}`);
    assert.deepEqual([first.items.length, second.items.length, second.next], [2, 1, undefined]);
  });
});

describe('GET /history', () => {
  it('gives the facts by event, request, pipeline and matcher', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling, down], 'r1');
    const events = async (query: string): Promise<readonly string[]> =>
      (await bench.ask('Facts', `/history?${query}`)).items.map(({ event }) => event);
    assert.deepEqual(await events('event=alerts.received'), ['alerts.received']);
    assert.ok((await events('request_id=r1')).includes('condition.changed'));
    assert.ok(
      (await events('pipeline=tracepipeline/backend')).every((event) => /^(?:reconcile|condition)\./.test(event)),
    );
    assert.deepEqual(await events('filter=job%3Dapp&event=alert.new'), ['alert.new']);
    assert.deepEqual(await events('filter=job%3Dother'), []);
    assert.deepEqual(await events('since=1ms&until=1ms'), []);
  });

  it('has pages that stay correct while new facts arrive', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling], 'r1');
    const all = (await bench.ask('Facts', '/history?limit=1000')).items.map(({ id }) => id);
    const paged: number[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const { items, next }: { items: { id: number }[]; next?: string | undefined } = await bench.ask(
        'Facts',
        `/history?limit=3${cursor}`,
      );
      paged.push(...items.map(({ id }) => id));
      await bench.post([down], `r${paged.length}`);
      cursor = next === undefined ? undefined : `&cursor=${next}`;
    }
    assert.deepEqual(paged, all);
  });

  it('says what is wrong with a question', async (t) => {
    const bench = await explainBench(t);
    for (const query of ['limit=0', 'limit=many', 'cursor=x', 'since=then', 'filter=%3D', 'pipeline=x', 'odd=1']) {
      const { code, message } = await bench.ask('ApiError', `/history?${query}`);
      assert.deepEqual([query, code], [query, 400]);
      assert.match(message, /allowed|filter/);
    }
  });
});

describe('GET /payloads', () => {
  it('has the bodies with their results', async (t) => {
    const bench = await explainBench(t);
    await bench.post([throttling], 'r1');
    await bench.post({ broken: true } as never, 'r2');
    const { items } = await bench.ask('Payloads', '/payloads');
    assert.deepEqual(
      items.map(({ request_id, outcome, runs, body }) => [request_id, outcome, runs.length, body]),
      [
        ['r2', 'rejected', 0, undefined],
        ['r1', 'accepted', 2, undefined],
      ],
    );
    const payload = await bench.ask('Payload', '/payloads/r1');
    assert.equal(payload.body, JSON.stringify([throttling]));
    assert.equal((await bench.ask('ApiError', '/payloads/r9')).code, 404);
  });
});

describe('POST /explain', () => {
  it('predicts the effects of alerts, and causes none', async (t) => {
    const bench = await explainBench(t, { source: { select: 'labels' } });
    await bench.post([down], 'r1');
    const metrics = async (): Promise<string> =>
      (await (await fetch(`${bench.url}/metrics`)).text())
        .split('\n')
        .filter((line) => /^(?:tocsin_(?:alerts|events|prometheus|limit|silence|condition)|workqueue)/.test(line))
        .join('\n');
    const [before, lines] = [await metrics(), bench.logger.lines.length];
    const body = [throttling, down, { labels: { alertname: '' } }];
    const { items } = await bench.ask('Explanation', '/explain', json(body));
    assert.deepEqual(
      items.map(({ valid, wakes, merges_with: stored, requests }) => [
        valid,
        wakes,
        stored?.alertname,
        requests.length,
      ]),
      [
        [true, true, undefined, 1],
        [true, true, 'InstanceDown', 2],
        [false, false, undefined, 0],
      ],
    );
    assert.equal(items[0]?.pipelines[0]?.if_firing?.reason, 'GatewayThrottling');
    assert.deepEqual([await metrics(), bench.logger.lines.length], [before, lines]);
    assert.deepEqual((await bench.ask('Alerts', '/alerts?filter=alertname%3DTraceGatewayThrottling')).items, []);
  });

  it('names the silences, and accepts the payload of a webhook', async (t) => {
    const bench = await explainBench(t);
    const id = await silence(bench, 'TraceGatewayThrottling');
    const alert = {
      ...throttling,
      status: 'firing',
      annotations: {},
      startsAt: '2026-11-21T03:00:00Z',
      endsAt: '0001-01-01T00:00:00Z',
      generatorURL: '',
      fingerprint: '1',
    };
    const payload = {
      version: '4',
      groupKey: '{}',
      truncatedAlerts: 0,
      status: 'firing',
      receiver: 'r',
      groupLabels: {},
      commonLabels: {},
      commonAnnotations: {},
      externalURL: '',
      alerts: [alert],
    };
    const { items } = await bench.ask('Explanation', '/explain', json(payload));
    assert.deepEqual([items[0]?.wakes, items[0]?.silenced_by[0]?.id], [false, id]);
    assert.match(items[0]?.because ?? '', /silence/);
  });

  it('refuses what is not JSON, contains no alert, or is too large', async (t) => {
    const bench = await explainBench(t);
    const form = { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: '[]' };
    assert.equal((await bench.ask('ApiError', '/explain', form)).code, 415);
    const broken = { ...json(0), body: '[{' };
    assert.equal((await bench.ask('ApiError', '/explain', broken)).code, 400);
    const many = Array.from({ length: 101 }, () => throttling);
    assert.match((await bench.ask('ApiError', '/explain', json(many))).message, /allowed: 100/);
  });
});

describe('POST /reconcile', () => {
  it('starts a look at pipelines now, with an event to follow', async (t) => {
    const bench = await explainBench(t);
    const wanted = { pipelines: [{ kind: 'tracepipeline', name: 'backend' }] };
    const { event_id: id, pipelines } = await bench.ask('ReconcileAnswer', '/reconcile', json(wanted));
    assert.deepEqual(pipelines, [{ kind: 'TracePipeline', name: 'backend' }]);
    await bench.settle();
    const { items } = await bench.ask('Runs', '/pipelines/TracePipeline/backend?limit=1');
    assert.deepEqual([items[0]?.event_ids, items[0]?.priority, items[0]?.triggers], [[id], 'manual', ['manual']]);
    assert.equal((await bench.ask('ReconcileAnswer', '/reconcile', json({ all: true }))).pipelines.length, 2);
    await bench.settle();
  });

  it('knows a pipeline by any name that a person gives it, and looks at it once', async (t) => {
    const bench = await explainBench(t);
    const names = [
      { kind: 'TRACEPIPELINE', name: 'Backend' },
      { kind: 'tracepipelines', name: 'backend' },
      { kind: 'tracepipeline', group: 'telemetry.kyma-project.io', name: 'backend' },
    ];
    const { pipelines } = await bench.ask('ReconcileAnswer', '/reconcile', json({ pipelines: names }));
    assert.deepEqual(pipelines, [{ kind: 'TracePipeline', name: 'backend' }]);
    await bench.settle();
    for (const path of [
      'TRACEPIPELINE/Backend',
      'tracepipelines/backend',
      'tracepipeline.telemetry.kyma-project.io/backend',
    ])
      assert.equal((await bench.ask('Runs', `/pipelines/${path}?limit=1`)).items[0]?.priority, 'manual', path);
    const other = await bench.ask('Runs', '/pipelines/tracepipeline.example.com/backend');
    assert.deepEqual(other.items, []);
  });

  it('refuses a body that names no pipeline', async (t) => {
    const bench = await explainBench(t);
    const unknown = { pipelines: [{ kind: 'TracePipeline', name: 'bakend' }] };
    const refusal = await bench.ask('ApiError', '/reconcile', json(unknown));
    const message = 'there is no pipeline TracePipeline/bakend, did you mean TracePipeline/backend?';
    assert.deepEqual(refusal, { code: 404, message });
    for (const body of [{}, { all: false }, { pipelines: [] }])
      assert.equal((await bench.ask('ApiError', '/reconcile', json(body))).code, 400);
  });
});

describe('GET /live', () => {
  const follow = async ({ url }: ExplainBench, lastSeen?: number) => {
    const controller = new AbortController();
    const headers: Record<string, string> = lastSeen === undefined ? {} : { 'Last-Event-ID': String(lastSeen) };
    const response = await fetch(`${url}/api/tocsin/v1/live`, { headers, signal: controller.signal });
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const until = async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(text)) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      return text;
    };
    return { until, end: () => controller.abort() };
  };

  it('sends new facts, and resumes without a gap', async (t) => {
    const bench = await explainBench(t);
    const live = await follow(bench);
    await live.until(/id: \d+\n\n/);
    await bench.post([throttling], 'r1');
    await bench.settle(200);
    const text = await live.until(/"event":"sweep\.finished"/);
    live.end();
    const ids = [...text.matchAll(/^id: (\d+)\ndata/gm)].map(([, id]) => Number(id));
    const kept = (await bench.ask('Facts', `/history?limit=1000`)).items.map(({ id }) => id).toReversed();
    assert.deepEqual(ids, kept.slice(kept.indexOf(ids[0]!), kept.indexOf(ids.at(-1)!) + 1));
    const again = await follow(bench, ids[0]);
    const rest = await again.until(/"event":"sweep\.finished"/);
    again.end();
    assert.deepEqual(
      [...rest.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id)).slice(0, ids.length - 1),
      ids.slice(1),
    );
    assert.doesNotMatch(rest, /event: gap/);
  });

  it('reports a gap, and sends heartbeats', async (t) => {
    const bench = await explainBench(t);
    const live = await follow(bench, 1);
    assert.match(await live.until(/event: gap\n.*\n/), /"after":1,/);
    await bench.clock.advanceAsync(15_000);
    assert.match(await live.until(/: still here/), /: still here/);
    live.end();
  });

  it('ends when Tocsin does', async (t) => {
    const bench = await explainBench(t);
    const live = await follow(bench);
    await live.until(/id: \d+\n\n/);
    await bench.stop();
    await assert.rejects(live.until(/never/));
  });
});

describe('the API', () => {
  it('has the routes of its document, and refuses other methods and paths as an API does', async (t) => {
    const bench = await explainBench(t);
    const document = (await (await fetch(`${bench.url}/api/tocsin/v1/openapi.json`)).json()) as {
      readonly paths: object;
    };
    assert.deepEqual(
      Object.keys(document.paths),
      documentedPaths.map(([path]) => path),
    );
    for (const [path, methods] of documentedPaths) {
      const real = path.replaceAll(/\{\w+\}/g, 'x');
      const { code } = await bench.ask('ApiError', real, { method: 'DELETE' });
      assert.deepEqual([path, code], [path, 405]);
      if (methods.includes('POST')) assert.equal((await bench.ask('ApiError', real, { method: 'POST' })).code, 415);
    }
    assert.equal((await bench.ask('ApiError', '/nothing')).code, 404);
  });

  it('answers that nothing is kept if the history is off', async (t) => {
    const bench = await explainBench(t, { history: { retention: '0s' } });
    await bench.post([throttling], 'r1');
    assert.deepEqual(await bench.ask('Facts', '/history'), { items: [] });
    assert.deepEqual(await bench.ask('Payloads', '/payloads'), { items: [] });
    const { items } = await bench.ask('Pipelines', '/pipelines');
    assert.deepEqual(
      items.map(({ condition, last_run: run }) => [condition?.status, run]),
      [
        ['True', undefined],
        ['False', undefined],
      ],
    );
  });
});

describe('GET /problems', () => {
  it('is empty if nothing is wrong, and names what is: what, since when, what to do', async (t) => {
    const bench = await explainBench(t, { receiver: { watchdog: { matcher: 'alertname="Watchdog"', after: '2m' } } });
    assert.deepEqual(await bench.ask('Problems', '/problems'), { items: [] });
    await bench.settle(120_000);
    const { items } = await bench.ask('Problems', '/problems');
    assert.deepEqual(
      items.map(({ name, severity }) => [name, severity]),
      [['watchdog_absent', 'warning']],
    );
    const facts = await bench.ask('Facts', '/history?event=problem.found');
    assert.deepEqual(
      facts.items.map((fact) => [fact['problem'], fact['message']]),
      [['watchdog_absent', items[0]?.message]],
    );
    assert.equal((await fetch(`${bench.url}/-/ready`)).status, 200);
    await bench.post([{ labels: { alertname: 'Watchdog' } }], 'w1');
    await bench.settle(15_000);
    assert.deepEqual(await bench.ask('Problems', '/problems'), { items: [] });
  });
});

describe('POST /storm/resume', () => {
  it('says that nothing waits, and takes only JSON', async (t) => {
    const bench = await explainBench(t);
    assert.deepEqual(await bench.ask('ResumeAnswer', '/storm/resume', json({})), { released: 0 });
    const form = { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: '{}' };
    assert.equal((await bench.ask('ApiError', '/storm/resume', form)).code, 415);
  });
});
