import { readTrigger } from '../../trigger/read-trigger.ts';
import { defaultRules } from '../../trigger/trigger.fixture.ts';
import { triggerReader, type TriggerObject } from './trigger-object.ts';
import type { Compiled, TriggerSources } from './trigger-set.ts';

interface Made {
  readonly namespace?: string;
  readonly generation?: number;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly createdAt?: string;
  readonly spec?: object;
  readonly status?: object;
}

const spec = {
  targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }],
  action: { annotate: { preset: 'flux' } },
};

/** An AlertTrigger if it has a namespace, else a ClusterAlertTrigger, as it is read from the API server. */
export function triggerObject(name: string, made: Made = {}): TriggerObject {
  const { namespace, generation = 1, uid = `uid-${name}`, resourceVersion = '1' } = made;
  const plural = namespace === undefined ? 'clusteralerttriggers' : 'alerttriggers';
  const object = {
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      uid,
      generation,
      resourceVersion,
      creationTimestamp: made.createdAt ?? '2026-11-21T00:00:00Z',
    },
    spec: { ...spec, ...made.spec },
    ...(made.status !== undefined && { status: made.status }),
  };
  return triggerReader.read(object, {
    apiVersion: 'tocsin.dev/v1alpha1',
    kind: namespace === undefined ? 'ClusterAlertTrigger' : 'AlertTrigger',
    path: `/apis/tocsin.dev/v1alpha1/${plural}`,
  });
}

export const allNamespaces: TriggerSources = {
  from: 'all',
  selects: (labels) => labels['tocsin.dev/triggers'] === 'true',
  excluded: ['kube-system'],
  optOutLabel: 'openshift.io/user-monitoring',
  maxPerNamespace: 2,
};

export function compile({ origin, namespace, name, generation, spec: found }: TriggerObject): Compiled {
  return readTrigger({ origin, ...(namespace !== undefined && { namespace }), name, generation }, found, defaultRules);
}
