import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { Principal } from './tenant-bindings.ts';
import type { TlsSettings } from './web-settings.ts';
import { canonicalAddress } from './web-config-readers.ts';

/** The client's properties after the handshake. */
export type ClientPeer = Pick<TLSSocket, 'authorized' | 'authorizationError' | 'getPeerX509Certificate'>;

/** The reason why a client must be disconnected, by the rules of Go's ClientAuthType; undefined if it may stay. */
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

/** An entry as Node prints it: `DNS:name`, `IP Address:::1`, or quoted as JSON if the name has misleading characters. */
const entry =
  /(DNS|IP Address|URI|email):(?:("(?:[^"\\]|\\.)*")|([^,"]*))(?:, |$)|[^,"]*(?:"(?:[^"\\]|\\.)*"[^,"]*)*(?:, |$)/gy;

/** The DNS names, IP addresses, e-mail addresses and URIs of a certificate, from `subjectAltName` as Node prints it. */
export function subjectAlternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const [whole, kind, quoted, plain] of text.matchAll(entry)) {
    if (whole === '') break;
    if (kind === undefined) continue;
    const name = quoted === undefined ? (plain ?? '') : unquoted(quoted);
    if (name !== undefined) names.push(kind === 'IP Address' ? canonicalAddress(name) : name);
  }
  return names;
}

function unquoted(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

/** The names of a client's certificate, if it was checked and is good. */
export function certificatePrincipals({ socket }: IncomingMessage): readonly Principal[] {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return [];
  const certificate = socket.getPeerX509Certificate();
  return subjectAlternativeNames(certificate?.subjectAltName ?? '').map((name): Principal => `san:${name}`);
}
