import assert from 'node:assert/strict';
import type { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clientCertificateProblem, subjectAlternativeNames, type ClientPeer } from './client-certificate.ts';
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
    it(`accepts with ${clientAuthType} the same clients as Go`, () => {
      const isLetIn = (client: ClientPeer): boolean =>
        clientCertificateProblem({ clientAuthType, allowedSubjects: [] }, client) === undefined;
      assert.deepEqual([none, unverified, verified].map(isLetIn), expected);
    });
  }

  it('requires one of the allowed names, letter by letter', () => {
    const settings = { clientAuthType: 'RequireAndVerifyClientCert', allowedSubjects: ['a', 'b'] } as const;
    const names = ['DNS:a', 'DNS:x, DNS:b', 'DNS:A', 'DNS:*', 'DNS:a.b', ''];
    const isLetIn = names.map((name) => clientCertificateProblem(settings, peer(name, true)) === undefined);
    assert.deepEqual(isLetIn, [true, true, false, false, false, false]);
  });
});

describe('subjectAlternativeNames', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['DNS:a.example, DNS:b.example', ['a.example', 'b.example']],
    ['IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1', ['127.0.0.1', '2001:db8::1']],
    ['URI:spiffe://a/b, email:a@example.com', ['spiffe://a/b', 'a@example.com']],
    ['DNS:"a.example, DNS:evil.example"', ['a.example, DNS:evil.example']],
    ['othername:<unsupported>, DNS:a', ['a']],
    ['DirName:"CN = x, DNS:evil", DNS:a', ['a']],
    ['DNS:"a\\"b", DNS:c', ['a"b', 'c']],
  ];
  for (const [text, names] of rows) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(subjectAlternativeNames(text), names));
  }

  it('never mistakes a part of a quoted name for a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (name) =>
        assert.deepEqual(subjectAlternativeNames(`URI:${JSON.stringify(`${name}, DNS:evil`)}, DNS:a`), [
          `${name}, DNS:evil`,
          'a',
        ]),
      ),
    );
  });
});
