import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionLimit } from './create-server.ts';

interface Report {
  readonly userLimits?: { readonly open_files?: { readonly soft: number | 'unlimited' } };
}

describe('connectionLimit', () => {
  it('is the configured number, if the file descriptors allow it', () => {
    assert.equal(connectionLimit(16_384, Number.POSITIVE_INFINITY), 16_384);
    assert.equal(connectionLimit(896, 1024), 896);
  });

  it('is what is left of the file descriptors, if that is less', () => {
    assert.equal(connectionLimit(16_384, 1024), 896);
    assert.equal(connectionLimit(897, 1024), 896);
  });

  it('is never less than 1', () => {
    assert.equal(connectionLimit(16_384, 128), 1);
    assert.equal(connectionLimit(16_384, 10), 1);
  });

  it("reads the process's own limit", { skip: process.platform !== 'linux' }, () => {
    const soft = (process.report.getReport() as Report).userLimits?.open_files?.soft;
    assert.ok(soft !== undefined);
    const limit = soft === 'unlimited' ? Number.POSITIVE_INFINITY : Math.max(1, soft - 128);
    assert.equal(connectionLimit(Number.POSITIVE_INFINITY), limit);
  });
});
