import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { clientCertificateProblem, type ClientPeer } from './client-certificate.ts';
import type { ClientAuthType } from './web-settings.ts';

function peer(subjectAltName: string | undefined, authorized: boolean): ClientPeer {
  const certificate = subjectAltName === undefined ? undefined : ({ subjectAltName } as X509Certificate);
  return { authorized, authorizationError: new Error('SELF_SIGNED'), getPeerX509Certificate: () => certificate };
}

const none = peer(undefined, false);
const unverified = peer('DNS:a', false);
const verified = peer('DNS:a', true);

describe('clientCertificateProblem', () => {
  const rows: readonly (readonly [ClientAuthType, none: boolean, unverified: boolean, verified: boolean])[] = [
    ['NoClientCert', true, true, true],
    ['RequestClientCert', true, true, true],
    ['RequireAnyClientCert', false, true, true],
    ['VerifyClientCertIfGiven', true, false, true],
    ['RequireAndVerifyClientCert', false, false, true],
  ];
  for (const [clientAuthType, ...expected] of rows) {
    it(`lets in with ${clientAuthType} whom Go lets in`, () => {
      const isLetIn = (client: ClientPeer): boolean =>
        clientCertificateProblem({ clientAuthType, allowedSubjects: [] }, client) === undefined;
      assert.deepEqual([none, unverified, verified].map(isLetIn), expected);
    });
  }

  it('wants one of the allowed names, letter by letter', () => {
    const settings = { clientAuthType: 'RequireAndVerifyClientCert', allowedSubjects: ['a', 'b'] } as const;
    const names = ['DNS:a', 'DNS:x, DNS:b', 'DNS:A', 'DNS:*', 'DNS:a.b', ''];
    const isLetIn = names.map((name) => clientCertificateProblem(settings, peer(name, true)) === undefined);
    assert.deepEqual(isLetIn, [true, true, false, false, false, false]);
  });
});
