import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { ForbiddenError } from '../../reconcile/errors.ts';
import { AnnotationWriter } from './annotation-writer.ts';
import { FakeApiClient, withoutRight } from '../api/fake-api-client.fixture.ts';
import { WriteFailures } from './write-failures.ts';

const path = '/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/shop';
const never = new AbortController().signal;

function bench() {
  const [client, logger] = [new FakeApiClient(), new RecordingLogger()];
  const writer = new AnnotationWriter({ client, failures: new WriteFailures({ clock: new FakeClock(), logger }) });
  client.put(path, { metadata: { name: 'shop', annotations: { mine: '1' } }, spec: { a: 1 } });
  return { client, logger, writer };
}

describe('AnnotationWriter', () => {
  it('sets annotations in one call, and touches nothing else', async () => {
    const { client, writer } = bench();
    assert.equal(await writer.write({ path }, { 'argocd.argoproj.io/refresh': 'normal' }, never), true);
    const { metadata, spec } = client.get(path) as { metadata: { annotations: object }; spec: object };
    assert.deepEqual(metadata.annotations, { mine: '1', 'argocd.argoproj.io/refresh': 'normal' });
    assert.deepEqual([spec, client.verbs()], [{ a: 1 }, ['PATCH']]);
  });

  it('says that an object is gone', async () => {
    const { client, writer } = bench();
    client.delete(path);
    assert.equal(await writer.write({ path }, { a: 'b' }, never), false);
  });

  it('names the right that is missing', async () => {
    const { client, writer, logger } = bench();
    client.before = (call) => {
      throw withoutRight(call, 'patch', 'applications', 'argoproj.io');
    };
    await assert.rejects(writer.write({ path }, { a: 'b' }, never), ForbiddenError);
    const told = logger.valuesOf('write.forbidden', 'verb', 'resource', 'manifest');
    assert.deepEqual(told, [['patch', 'applications.argoproj.io', 'k8s/components/annotate']]);
  });
});
