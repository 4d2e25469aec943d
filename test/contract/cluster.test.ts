import { describe, it } from 'node:test';
import { FakeCluster } from '../../src/kubernetes/targets/fake-cluster.fixture.ts';
import { clusterCases, type ClusterServer } from './cluster.cases.ts';

function fakeServer(): ClusterServer {
  const [cluster, closed] = [fakeCluster(), fakeCluster()];
  const resources = ['clusters.postgresql.cnpg.io', 'clusters/status.postgresql.cnpg.io', 'pods'];
  for (const verb of ['get', 'list', 'watch', 'patch'])
    for (const name of resources) closed.denied.add(`${verb} ${name}`);
  return {
    client: cluster,
    stranger: closed,
    create: async (collection, object) => cluster.put(`${collection}/${object.metadata.name}`, { ...object }),
    delete: async (path) => cluster.delete(path),
  };
}

function fakeCluster(): FakeCluster {
  const cluster = new FakeCluster();
  cluster.install('postgresql.cnpg.io/v1', 'Cluster', 'clusters');
  cluster.install('argoproj.io/v1alpha1', 'Application', 'applications', { status: false });
  cluster.install('v1', 'Node', 'nodes', { namespaced: false });
  cluster.install('v1', 'Pod', 'pods');
  cluster.install('apps/v1', 'Deployment', 'deployments');
  return cluster;
}

describe('the fake cluster', () => {
  for (const { name, check } of clusterCases) it(name, () => check(fakeServer()));
});
