import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readMissingRight } from './api-error.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

const user = 'User "system:serviceaccount:tocsin:tocsin"';

describe('readMissingRight', () => {
  it('names the right of a sentence that RBAC wrote', () => {
    const rows: readonly (readonly [message: string, verb: string, resource: string])[] = [
      [
        `tracepipelines.example.com "cls" is forbidden: ${user} cannot patch resource "tracepipelines/status" in API group "example.com" at the cluster scope`,
        'patch',
        'tracepipelines/status.example.com',
      ],
      [
        `events.events.k8s.io is forbidden: ${user} cannot create resource "events" in API group "events.k8s.io" in the namespace "default": no`,
        'create',
        'events.events.k8s.io',
      ],
      [
        'pods "x" is forbidden: User "a \\"b\\"" cannot get resource "pods" in API group "" in the namespace "n"',
        'get',
        'pods',
      ],
    ];
    for (const [message, verb, resource] of rows) assert.deepEqual(readMissingRight(message), { verb, resource });
  });

  it('names none where something else refused', () => {
    const messages = [
      `tracepipelines.example.com "cls" is forbidden: ValidatingAdmissionPolicy 'freeze' with binding 'freeze' denied request: no change on Fridays`,
      `events.events.k8s.io "cls.0123" is forbidden: unable to create new content in namespace shop because it is being terminated`,
      'admission webhook "validate.kyverno.svc-fail" denied the request: policy says no',
      `admission webhook "a" denied the request: x "y" is forbidden: ${user} cannot patch resource "pods" in API group ""`,
      `x "y" is forbidden: the webhook says: ${user} cannot patch resource "pods" in API group "" at the cluster scope`,
      'Forbidden',
      '',
    ];
    for (const message of messages) assert.equal(readMissingRight(message), undefined, message);
  });

  it('takes no time over any text', () => {
    fc.assert(
      fc.property(fc.constantFrom('"', '\\', 'a ', 'a" is forbidden: User "'), fc.nat(20_000), (piece, times) => {
        assert.ok(cpuMsOf(() => void readMissingRight(`x "${piece.repeat(times)}`)) < 1000);
      }),
      { numRuns: 30 },
    );
  });
});
