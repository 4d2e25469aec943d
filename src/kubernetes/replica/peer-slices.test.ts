import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placesOf, sliceReader } from './peer-slices.ts';

const served = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', path: '/x' };
const ports = [{ name: 'http', port: 9093 }];

function places(...slices: readonly object[]): readonly string[] {
  return placesOf(slices.map((slice) => sliceReader.read({ metadata: { name: 's' }, ...slice }, served)));
}

/** One slice with one endpoint for each address. */
function ofAddresses(...addresses: readonly unknown[]): object {
  return { ports, endpoints: addresses.map((address) => ({ addresses: [address] })) };
}

describe('the replicas behind the Service of the peers', () => {
  it('are found at the first address of each endpoint, IPv6 in brackets', () => {
    const slice = { ports, endpoints: [{ addresses: ['10.0.0.2', '10.0.0.9'] }, { addresses: ['fd00::7'] }] };
    assert.deepEqual(places(slice, ofAddresses('10.0.0.1')), ['10.0.0.1:9093', '10.0.0.2:9093', '[fd00::7]:9093']);
  });

  it('are those that are ready; what nobody knows counts as ready', () => {
    const endpoints = [
      { addresses: ['10.0.0.1'], conditions: { ready: true } },
      { addresses: ['10.0.0.2'], conditions: { ready: false, serving: true, terminating: true } },
      { addresses: ['10.0.0.3'], conditions: {} },
      { addresses: ['10.0.0.4'], conditions: { ready: null } },
    ];
    assert.deepEqual(places({ ports, endpoints }), ['10.0.0.1:9093', '10.0.0.3:9093', '10.0.0.4:9093']);
  });

  it('are each there once, although a Service of both families has two slices, by their IPv4 address', () => {
    const of = (address: string, uid: string): object => ({
      ports,
      endpoints: [{ addresses: [address], targetRef: { kind: 'Pod', name: 'tocsin', uid } }],
    });
    const slices = [
      of('fd00::1', 'a'),
      of('10.0.0.1', 'a'),
      of('10.0.0.2', 'b'),
      of('fd00::2', 'b'),
      of('fd00::3', 'c'),
    ];
    const expected = ['10.0.0.1:9093', '10.0.0.2:9093', '[fd00::3]:9093'];
    assert.deepEqual(places(...slices), expected);
    assert.deepEqual(places(...slices.toReversed()), expected);
  });

  it('are called at the port named http, https or web, or else at the first one', () => {
    const at = (found: unknown): readonly string[] => places({ ...ofAddresses('10.0.0.1'), ports: found });
    assert.deepEqual(
      at([
        { name: 'metrics', port: 1 },
        { name: 'web', port: 2 },
      ]),
      ['10.0.0.1:2'],
    );
    assert.deepEqual(
      at([
        { name: 'x', port: 3 },
        { name: 'y', port: 4 },
      ]),
      ['10.0.0.1:3'],
    );
    for (const none of [undefined, null, [], [{ name: 'http' }], [{ port: '80' }], 'x']) assert.deepEqual(at(none), []);
  });

  it('are read whatever somebody has written into a slice', () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (endpoints, found) => {
        for (const place of places({ endpoints, ports: found }, { endpoints: [endpoints], ports }))
          assert.match(place, /:/);
      }),
    );
    assert.deepEqual(places(ofAddresses(7, null, undefined, {}, '10.0.0.1')), ['10.0.0.1:9093']);
  });
});
