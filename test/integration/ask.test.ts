import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { answers } from '../../src/explain/schema-requests.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** The four pipelines of the examples. */
const pipelines = ['LogPipeline/fluent-bit', 'LogPipeline/otlp', 'MetricPipeline/backend', 'TracePipeline/backend'];
const alert = { labels: { alertname: 'TraceGatewayThrottling', severity: 'warning' } };

describe('the commands that ask a Tocsin that runs', () => {
  let tocsin: TocsinProcess;

  before(async () => {
    tocsin = await startTocsin();
    const headers = { 'Content-Type': 'application/json', 'X-Request-Id': 'my-test' };
    const answer = await fetch(`${tocsin.url}/api/v2/alerts`, {
      method: 'POST',
      headers,
      body: JSON.stringify([alert]),
    });
    assert.equal(answer.status, 200);
    await eventually(
      () => ask('what', 'TraceGatewayThrottling'),
      ({ stdout }) => pipelines.every((pipeline) => stdout.includes(pipeline)),
    );
  });

  after(() => tocsin.stop());

  const ask = (...args: readonly string[]): ReturnType<typeof runTocsin> => runTocsin([...args, '--url', tocsin.url]);

  it('why names the alert, its request, the time of each hop, and what was written', async () => {
    const { code, stdout, stderr } = await ask('why', 'tracepipeline/backend');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^TracePipeline\/backend {2}False GatewayThrottling since /);
    assert.match(stdout, /^ {2}woken by {5}TraceGatewayThrottling firing \{severity="warning"\}$/m);
    assert.match(stdout, /^ {2}requests {5}my-test$/m);
    assert.match(stdout, /^ {2}took {9}\d+ ms from received: event \+\d+, queued \+\d+, started \+\d+, written \+\d+/m);
    assert.match(stdout, /^ {2}condition {4}True FlowHealthy → False GatewayThrottling$/m);
    assert.ok(stdout.split('\n').every((line) => line.length <= 100));
  });

  it('what names every pipeline that the alert woke', async () => {
    const { code, stdout } = await ask('what', 'severity=warning');
    assert.equal(code, 0);
    assert.match(stdout, / {2}woke {2}request my-test, event [0-9a-f]{8}$/m);
    for (const pipeline of pipelines) assert.match(stdout, new RegExp(`^ {6}${pipeline} +run [0-9a-f]{8} `, 'm'));
    assert.match(stdout, /TracePipeline\/backend +run \w+ +changed: True FlowHealthy → False GatewayThrottling$/m);
  });

  it('what says that an alert was never received, with 1', async () => {
    const { code, stderr } = await ask('what', 'Nobody');
    assert.equal(code, 1);
    assert.match(stderr, /^tocsin: Nobody: not received/);
  });

  it('explain tells what another alert would do, and changes nothing', async () => {
    const { code, stdout } = await ask('explain', 'MetricGatewayThrottling', '-o', 'json');
    assert.equal(code, 0);
    const { items } = answers.Explanation.parse(JSON.parse(stdout));
    assert.deepEqual(items[0]?.requests.length, pipelines.length);
    assert.equal((await ask('what', 'MetricGatewayThrottling')).code, 1);
  });

  it('reconcile has all looked at now, and tells of each', async () => {
    const { code, stdout } = await ask('reconcile', '--all');
    assert.equal(code, 0);
    assert.deepEqual(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      pipelines,
    );
  });

  it('test-alert comes through, and so does its end; tail follows them', async () => {
    const following = ask('tail', '--event=alert.resolved', '--limit=1');
    const { code, stdout } = await ask('test-alert', '--resolve');
    assert.equal(code, 0, stdout);
    assert.equal(stdout.match(/^run +\+\d+ ms {3}/gm)?.length, 2 * pipelines.length);
    // Whichever began first: another one is sent for a follower that came late.
    const [followed] = await Promise.all([following, ask('test-alert', '--resolve')]);
    assert.match(followed.stdout, /alert\.resolved .*TocsinTest/);
  });
});
