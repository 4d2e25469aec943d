import type { IncomingMessage } from 'node:http';
import { requestId } from './request-id.ts';

/** Who sent a request, as the log names it. */
export interface Sender {
  readonly requestId: string;
  /** Address and port of the other side. */
  readonly remote: string;
  readonly userAgent: string | undefined;
}

export function senderOf(request: IncomingMessage): Sender {
  const { remoteAddress = 'unknown', remotePort = 0 } = request.socket;
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  return {
    requestId: requestId(request),
    remote: `${host}:${remotePort}`,
    userAgent: request.headers['user-agent']?.slice(0, 100),
  };
}
