import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { operatorCrds } from '../../support/operator-crds.ts';
import { root } from '../../support/documentation.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const files = globSync('examples/triggers/*.yaml', { cwd: root }).toSorted();

describe('the examples of triggers on a real API server', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();

  before(async () => {
    await server().apply(
      ...operatorCrds,
      ...['shop', 'argocd'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })),
    );
    await server().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  });

  for (const file of files)
    it(`takes ${file} as it stands`, async () => {
      const said = await server().kubectl(['create', '--validate=strict', '-f', file]);
      assert.match(said, /^(?:cluster)?alerttrigger\.tocsin\.dev\/[\w-]+ created\n$/);
      await server().kubectl(['delete', '-f', file]);
    });
});
