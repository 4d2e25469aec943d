import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { targetRules, targetUses, type TargetKindUse } from './target-rights.ts';

const kind = { group: 'postgresql.cnpg.io', resource: 'clusters' };
const rule = (verbs: readonly string[], resource = kind.resource): object => ({
  apiGroups: [kind.group],
  resources: [resource],
  verbs,
});

describe('the rights on the targets of triggers', () => {
  it('for a condition are to read the object and to patch its status', () => {
    const expected = [rule(['get', 'list', 'watch']), rule(['patch'], 'clusters/status')];
    assert.deepEqual(targetRules([{ ...kind, uses: ['condition'] }]), expected);
  });

  it('for an annotation of a named object are to patch it', () => {
    assert.deepEqual(targetRules([{ ...kind, uses: ['annotate'] }]), [rule(['patch'])]);
  });

  it('for an annotation of selected objects are to read them as well', () => {
    assert.deepEqual(targetRules([{ ...kind, uses: ['select', 'annotate'] }]), [
      rule(['get', 'list', 'watch', 'patch']),
    ]);
  });

  it('for a way to an owner are to get one object', () => {
    assert.deepEqual(targetRules([{ ...kind, uses: ['owner'] }]), [rule(['get'])]);
  });

  it('never contain more than the uses need, nor a verb twice', () => {
    const uses = fc.uniqueArray(fc.constantFrom(...targetUses), { minLength: 1 });
    const kinds = fc.array(fc.record({ group: fc.constant('g'), resource: fc.constant('r'), uses }));
    fc.assert(
      fc.property(kinds, (some: readonly TargetKindUse[]) => {
        const rules = targetRules(some);
        assert.equal(rules.length, some.length + some.filter(({ uses: all }) => all.includes('condition')).length);
        for (const { verbs, resources } of rules) {
          assert.equal(new Set(verbs).size, verbs.length);
          assert.ok(verbs.length > 0);
          if (resources[0] === 'r/status') assert.deepEqual(verbs, ['patch']);
        }
      }),
    );
  });
});
