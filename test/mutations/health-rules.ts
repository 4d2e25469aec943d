import type { MutatedPart } from './mutation.ts';

const file = 'health/flow-health.ts';
const rules = 'health/health-rules.ts';

export const healthRules: MutatedPart = {
  name: 'health rules',
  tests: ['health/flow-health.test.ts', 'health/health-rules.test.ts'],
  mutations: [
    {
      file,
      from: 'severities.indexOf(a.severity) - severities.indexOf(b.severity)',
      to: 'severities.indexOf(b.severity) - severities.indexOf(a.severity)',
      means: 'the least problem is the one that is told',
    },
    {
      file,
      from: 'components.indexOf(a.component) - components.indexOf(b.component)',
      to: '0',
      means: 'at equal severity the table decides, not the order of the probes',
    },
    {
      file,
      from: ' && components.includes(rule.component)',
      to: '',
      means: 'an agent that a pipeline does not use makes it unhealthy',
    },
    {
      file,
      from: ' ?? firsts.get(everyPipeline)',
      to: '',
      means: 'an alert without a name concerns nobody',
    },
    {
      file,
      from: "Object.hasOwn(labels, 'pipeline_type') ? labels['pipeline_type'] : undefined",
      to: 'undefined',
      means: 'an alert of one kind concerns the pipeline of that name of another',
    },
    {
      file,
      from: "generated?.status !== 'False'",
      to: "generated?.status === 'True'",
      means: 'a configuration that nobody judged yet counts as missing',
    },
    {
      file,
      from: 'observedGeneration: generation',
      to: 'observedGeneration: 1',
      means: 'the condition tells of an older specification',
    },
    {
      file: rules,
      from: "'log-otlp': 'Log', 'log-fluent-bit': 'Log'",
      to: "'log-otlp': 'Metric', 'log-fluent-bit': 'Log'",
      means: 'the alerts of metrics are taken for those of logs',
    },
    {
      file: rules,
      from: "rule: 'FluentBitBufferInUse',\n      severity: 'buffer filling up'",
      to: "rule: 'FluentBitBufferInUse',\n      severity: 'some dropped'",
      means: 'a full buffer hides that nothing is delivered',
    },
    {
      file,
      from: "if (runtime === otlp) return ['agent', 'gateway'];",
      to: "if (runtime && otlp) return ['agent', 'gateway'];",
      means: 'a LogPipeline without an input has no agent',
    },
  ],
};
