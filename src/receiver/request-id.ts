import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a sender's own id may look like: nothing that could disturb a log line, and not long. */
const acceptable = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The `X-Request-Id` header if it is a good one; otherwise a new id, 16 hexadecimal digits. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && acceptable.test(given) ? given : newId(8);
}

/** A random name of `bytes` bytes, in hexadecimal digits. */
export function newId(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
