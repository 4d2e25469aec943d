import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { exampleSpec, refusedSpecs, service, takenSpecs } from '../../support/trigger-specs.ts';

describe('the kinds of tocsin.dev on a real API server', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();

  before(async () => {
    await server().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  });

  const create = (kind: string, change: object): ReturnType<typeof tryKubectl> =>
    tryKubectl(['create', '--dry-run=server', '--validate=strict', '-f', '-'], {
      kubeconfig: server().kubeconfig,
      input: JSON.stringify({
        apiVersion: 'tocsin.dev/v1alpha1',
        kind,
        metadata: { name: 'x' },
        spec: { ...exampleSpec, ...change },
      }),
    });

  for (const kind of ['AlertTrigger', 'ClusterAlertTrigger']) {
    for (const [what, change] of takenSpecs)
      it(`takes ${kind} ${what}`, async () => {
        const { stderr, code } = await create(kind, change);
        assert.equal(stderr, '', 'not even a warning');
        assert.equal(code, 0);
      });
  }

  for (const [what, change, message] of refusedSpecs)
    it(`refuses ${what}, and says why`, async () => {
      const { stderr, code } = await create('AlertTrigger', change);
      assert.match(stderr, message);
      assert.equal(code, 1);
    });

  it('are equally strict', async () => {
    for (const [, change] of refusedSpecs.filter((_, index) => index % 6 === 0))
      assert.equal((await create('ClusterAlertTrigger', change)).code, 1);
  });

  it('have a short name, columns, and a mode even where none is written', async () => {
    const object = {
      apiVersion: 'tocsin.dev/v1alpha1',
      kind: 'AlertTrigger',
      metadata: { name: 'columns', namespace: 'default' },
    };
    await server().apply({ ...object, spec: { targets: [service], action: { log: {} } } });
    const at = '2026-11-30T12:00:00Z';
    const ready = { type: 'Accepted', status: 'True', reason: 'Valid', message: 'it is valid', lastTransitionTime: at };
    const status = { conditions: [ready], counts: { runs: 3 }, lastFired: { alert: 'Down', time: at, eventId: 'e1' } };
    const patch = `--patch=${JSON.stringify({ status })}`;
    await server().kubectl(['patch', 'at', 'columns', '--subresource=status', '--type=merge', patch]);
    const [head = '', row = ''] = (await server().kubectl(['get', 'at', '-o', 'wide'])).split('\n');
    assert.match(head, /^NAME +ACCEPTED +READY +MODE +LAST FIRED +RUNS +AGE +ALERT +SUSPENDED UNTIL +REASON/);
    assert.match(row, /^columns +True +enforce +\S+ +3 +\S+ +Down/);
    await server().kubectl(['delete', 'at', 'columns']);
  });

  it('are explained by kubectl, every field', async () => {
    const text = await server().kubectl(['explain', 'alerttrigger.spec', '--recursive']);
    for (const field of ['matchers', 'inhibitedBy', 'ownerOf', 'preset', 'minInterval', 'budget', 'mode', 'suspend'])
      assert.match(text, new RegExp(`\\b${field}\\b`));
    const short = await server().kubectl(['explain', 'alerttrigger.spec']);
    assert.match(short, /inhibitedBy[^]*While an alert fires that matches one of these/);
    assert.equal(/<no description>/.test(short), false);
  });
});
