import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../../runtime/new-id.ts';

/** The sender of a request, as in the log. */
export interface Sender {
  readonly requestId: string;
  /** Address and port of the client, see {@link remoteOf}. */
  readonly remote: string;
  readonly userAgent: string | undefined;
}

export function senderOf(request: IncomingMessage): Sender {
  return {
    requestId: readRequestId(request),
    remote: remoteOf(request.socket),
    userAgent: request.headers['user-agent']?.slice(0, 100),
  };
}

/**
 * The client's address in the one form that every log line uses: `10.0.0.7:38408`, `[fd00::7]:38408`. A socket for both families
 * reports an IPv4 sender as `::ffff:10.0.0.7`; the log says `10.0.0.7`, so that one search finds all its lines.
 */
export function remoteOf({ remoteAddress, remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const address = plainAddress(remoteAddress ?? 'unknown');
  return address.includes(':') ? `[${address}]:${remotePort}` : `${address}:${remotePort}`;
}

/** Gives an IPv4 address even if a socket for both families reports it as `::ffff:10.0.0.7`. */
export function plainAddress(address: string): string {
  return address.startsWith('::') ? (mappedAddress.exec(address)?.[1] ?? address) : address;
}

const mappedAddress = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The form of an acceptable id from a sender: short, with nothing that could disturb a log line. */
const acceptable = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The `X-Request-Id` header if it is acceptable; otherwise a new id of 16 hexadecimal digits. */
export function readRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && acceptable.test(given) ? given : newId(8);
}
