import { describe, it } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { skipWithout } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { clusterCases } from '../reasons.cases.ts';
import { assertTold } from '../reasons.check.ts';

describe('on a real API server, tocsin what names', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  for (const { reason, how, needs = [], stage } of clusterCases)
    it(`${reason}: ${how}`, { skip: needs.map((name) => skipWithout(name)).find(Boolean) ?? false }, async (t) => {
      await assertTold(reason, await stage(t, server()));
    });
});
