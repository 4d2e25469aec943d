import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pipeline } from '../explain/schema.ts';
import { healthRules } from '../health/health-rules.ts';
import type { InspectedServer, LoadedRule } from '../reconcile/server-inspection.ts';
import { ago, chainOf, ruleOf, troubles, type FakeChain } from './chain.fixture.ts';
import { missingAlerts, patternsWithoutGroup, pendingText, ruleFiles, rules } from './rules.ts';

const of = (given: FakeChain): Promise<readonly string[]> => troubles(rules(chainOf(given)));

const traceRules = ['TraceGatewayAllDataDropped', 'TraceGatewaySomeDataDropped', 'TraceGatewayThrottling'].map((name) =>
  ruleOf(name),
);

function withRules(...loaded: readonly LoadedRule[]): Partial<InspectedServer> {
  return { groups: () => Promise.resolve([{ name: 'g', file: '/rules/a.yml', rules: loaded }]) };
}

function pipelineOf(kind: string, name = 'backend'): Pipeline {
  return { kind, name, firing: [], paused_by: [] };
}

describe('the category rules', () => {
  it('is good if all rules are there', async () =>
    assert.deepEqual(await of({ servers: [withRules(...traceRules)] }), []));

  it('fails after a reload that was refused', async () => {
    const reload = (): ReturnType<InspectedServer['reload']> => Promise.resolve({ succeeded: false, at: 'noon' });
    const [found] = await of({ servers: [{ ...withRules(...traceRules), reload }] });
    assert.match(
      found ?? '',
      /^error rules-reload: .* refused its configuration at the last reload and runs with that of noon/,
    );
  });

  it('fails for a pattern that has found no group, and names it', async () => {
    const configuration = (): Promise<string> => Promise.resolve('rule_files: [/rules/*.yml, /etc/none-*.yml]\n');
    const [found] = await of({ servers: [{ ...withRules(...traceRules), configuration }] });
    assert.match(found ?? '', /^error rules-files: .* has no group of rules from \/etc\/none-\*\.yml: /);
  });

  it('fails without rule_files', async () => {
    const configuration = (): Promise<string> => Promise.resolve('global: {}\n');
    const [found] = await of({ servers: [{ ...withRules(...traceRules), configuration }] });
    assert.match(found ?? '', /^error rules-files: .* has no rule_files/);
  });

  it('fails for a rule that cannot be evaluated, with its error', async () => {
    const sick = ruleOf('Sick', { type: 'recording', health: 'err', lastError: 'duplicate series' });
    const [found] = await of({ servers: [withRules(...traceRules, sick)] });
    assert.match(found ?? '', /^error rules-healthy: .* cannot evaluate Sick of the group g: duplicate series$/);
  });

  it('fails for a pipeline that no rule could concern', async () => {
    const pipelines = [pipelineOf('TracePipeline'), pipelineOf('LogPipeline')];
    const [found, ...more] = await of({ servers: [withRules(...traceRules)], pipelines });
    assert.match(found ?? '', /^error rules-required: .* that could concern LogPipeline\/backend: load the rules/);
    assert.deepEqual(more, []);
  });

  it('does not count a rule that names another pipeline', async () => {
    const other = ruleOf('TraceGatewayThrottling', { labels: { pipeline_name: 'other' } });
    const found = await of({ servers: [withRules(other)] });
    assert.match(found[0] ?? '', /^error rules-required/);
    assert.match(found.at(-1) ?? '', /^warning rules-wake: the labels of TraceGatewayThrottling .* name no pipeline/);
  });

  it('counts a rule whose label is a template', async () => {
    const any = traceRules.map((rule) => ({ ...rule, labels: { pipeline_name: '{{ $labels.pipeline }}' } }));
    assert.deepEqual(await of({ servers: [withRules(...any)] }), []);
  });

  it('knows an OTLP LogPipeline from its alerts', async () => {
    const names = healthRules.alerts.filter(({ flavour }) => flavour === 'log-otlp').map(({ rule }) => `Log${rule}`);
    const servers = [withRules(...names.map((name) => ruleOf(name)))];
    assert.deepEqual(await of({ servers, pipelines: [pipelineOf('LogPipeline')] }), []);
  });

  it('asks with the action annotate only that an alert selects each pipeline', async () => {
    const pipelines = [pipelineOf('Widget', 'one'), pipelineOf('Widget', 'two')];
    const status = { action: 'annotate', select: 'labels' } as const;
    const servers = [withRules(ruleOf('WidgetBroken', { labels: { pipeline_name: 'one' } }))];
    const [found, ...more] = await of({ servers, pipelines, status });
    assert.match(found ?? '', /^error rules-required: .* that could concern Widget\/two: its alerts have to select it/);
    assert.deepEqual(more, []);
  });

  it('warns of missing alerts, of those flavours of which there are any', async () => {
    const [found] = await of({ servers: [withRules(traceRules[0]!)] });
    assert.match(found ?? '', /^warning rules-complete: .* TraceGatewaySomeDataDropped, TraceGatewayThrottling: /);
    assert.deepEqual(missingAlerts(new Set(['LogGatewayThrottling']), new Set(['TracePipeline'])), []);
  });

  it('passes over what it cannot know while Tocsin does not answer', async () =>
    assert.deepEqual(await of({ servers: [withRules()], status: new Error('gone') }), []));

  it('passes over a pending alert whose time is none', async () => {
    const alerts = [NaN, 1e300].map((activeAt) => ({ state: 'pending', activeAt }));
    const servers = [withRules(...traceRules, ruleOf('Slow', { alerts }), ruleOf('Slower', { alerts, forMs: 1e300 }))];
    assert.deepEqual(await of({ servers }), []);
  });

  it('says of a pending alert until when it waits', () => {
    const rule = ruleOf('Slow', { forMs: 300_000 });
    assert.equal(
      pendingText(rule, Date.parse(ago(60_000)), Date.parse(ago(0))),
      `Slow is pending: waiting until ${ago(-255_000).replace('.000', '')}, in at most 4m15s (its for of 5m, and its group every 15s)`,
    );
  });
});

describe('ruleFiles', () => {
  it('reads the list, and none where there is none', () => {
    assert.deepEqual(ruleFiles('rule_files:\n- a.yml\n- "b-*.yml"\n'), ['a.yml', 'b-*.yml']);
    for (const yaml of ['', 'rule_files:\n', 'rule_files: x\n', '- a\n']) assert.deepEqual(ruleFiles(yaml), []);
  });
});

describe('patternsWithoutGroup', () => {
  it('compares with the files of the groups', () => {
    const groups = [{ name: 'g', file: '/rules/a.yml', rules: [] }];
    assert.deepEqual(patternsWithoutGroup(['/rules/*.yml', '/rules/b.yml', '*.yml'], groups), [
      '/rules/b.yml',
      '*.yml',
    ]);
  });
});
