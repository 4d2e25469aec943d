import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { addressGroup } from './address-group.ts';

describe('addressGroup', () => {
  for (const [address, group] of [
    ['10.0.0.7', '10.0.0.7'],
    ['::ffff:10.0.0.7', '10.0.0.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:0DB8:0:0:ffff::', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['', ''],
  ] as const)
    it(`puts ${address || 'nothing'} into ${group || 'nothing'}`, () => assert.equal(addressGroup(address), group));

  it('is the same for all of a /64, and another for the next', () => {
    const group = fc.nat({ max: 0xffff });
    const text = (groups: readonly number[]): string => groups.map((each) => each.toString(16)).join(':');
    const four = fc.tuple(group, group, group, group);
    fc.assert(
      fc.property(four, four, four, (net, one, other) => {
        const next = [...net.slice(0, 3), net[3] ^ 1];
        assert.equal(addressGroup(text([...net, ...one])), addressGroup(text([...net, ...other])));
        assert.notEqual(addressGroup(text([...net, ...one])), addressGroup(text([...next, ...one])));
      }),
    );
  });
});
