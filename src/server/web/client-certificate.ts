import type { TLSSocket } from 'node:tls';
import { subjectAlternativeNames } from './subject-alternative-names.ts';
import type { TlsSettings } from './web-settings.ts';

/** What is known of the client once the handshake is over. */
export type ClientPeer = Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerX509Certificate'>;

/** Why a client must not stay on its connection, by the rules of Go's ClientAuthType; undefined if it may. */
export function clientCertificateProblem(
  { clientAuthType, allowedSubjects }: Pick<TlsSettings, 'clientAuthType' | 'allowedSubjects'>,
  peer: ClientPeer,
): string | undefined {
  if (clientAuthType === 'NoClientCert' || clientAuthType === 'RequestClientCert') return undefined;
  const certificate = peer.getPeerX509Certificate();
  const isRequired = clientAuthType !== 'VerifyClientCertIfGiven';
  if (certificate === undefined) return isRequired ? 'no client certificate' : undefined;
  if (clientAuthType !== 'RequireAnyClientCert' && !peer.authorized)
    return `the client certificate is not good: ${String(peer.authorizationError)}`;
  if (allowedSubjects.length === 0) return undefined;
  const names = subjectAlternativeNames(certificate.subjectAltName ?? '');
  return names.some((name) => allowedSubjects.includes(name))
    ? undefined
    : 'the client certificate names none of client_allowed_sans';
}
