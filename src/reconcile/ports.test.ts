import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { requestKey } from './ports.ts';

describe('requestKey', () => {
  it('is the kind and the name, with the namespace, if any, between them', () => {
    assert.equal(requestKey({ kind: 'LogPipeline', name: 'a' }), 'LogPipeline/a');
    assert.equal(requestKey({ kind: 'LogPipeline', namespace: 'x', name: 'a' }), 'LogPipeline/x/a');
  });

  it('distinguishes two kinds of one name by their group', () => {
    const bucket = { kind: 'Bucket', namespace: 'x', name: 'a' };
    assert.equal(requestKey({ ...bucket, group: 's3.aws.upbound.io' }), 'Bucket.s3.aws.upbound.io/x/a');
  });
});
