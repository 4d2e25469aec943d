import { before, describe } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { skipWithout } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin } from '../../support/tocsin-process.ts';
import { instanceDownCases } from '../instance-down.cases.ts';

const apiVersion = 'telemetry.kyma-project.io/v1beta1';
const pipelines = ['LogPipeline/backend', 'MetricPipeline/backend', 'TracePipeline/backend'];

describe(
  'a target that goes away, on a real API server',
  { skip: skipWithoutKube() || skipWithout('prometheus') },
  () => {
    const server = useSharedKubeApiServer();

    before(async () => {
      await server().kubectl(['apply', '-k', 'k8s']);
      const spec = { output: { otlp: {} } };
      for (const pipeline of pipelines)
        await server().apply({ apiVersion, kind: pipeline.split('/')[0], metadata: { name: 'backend' }, spec });
    });

    instanceDownCases({
      pipelines,
      start: async (url) => {
        const kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', 'tocsin'));
        return startTocsin({ args: [`--prometheus.url=${url}`, `--kubeconfig=${kubeconfig}`] });
      },
    });
  },
);
