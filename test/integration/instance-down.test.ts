import { describe } from 'node:test';
import { skipWithout } from '../support/servers.ts';
import { startTocsin } from '../support/tocsin-process.ts';
import { instanceDownCases } from './instance-down.cases.ts';

/** The four pipelines of the examples. */
const pipelines = ['LogPipeline/fluent-bit', 'LogPipeline/otlp', 'MetricPipeline/backend', 'TracePipeline/backend'];

describe('a target that goes away, standalone', { skip: skipWithout('prometheus') }, () => {
  instanceDownCases({ pipelines, start: (url) => startTocsin({ args: [`--prometheus.url=${url}`] }) });
});
