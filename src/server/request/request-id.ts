import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What a sender's own id may look like: nothing that could disturb a log line, and not long. */
const acceptable = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The `X-Request-Id` header if it is a good one; otherwise a new id, 16 hexadecimal digits. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && acceptable.test(given) ? given : newId(8);
}

/**
 * A random name of `bytes` bytes, in hexadecimal digits. Made of UUIDs, for which Node keeps randomness in stock: that costs a
 * tenth of asking the system for a few bytes. Only the first and the last eight digits of a UUID are all random.
 */
export function newId(bytes: number): string {
  let digits = '';
  while (digits.length < 2 * bytes) {
    const uuid = randomUUID();
    digits += uuid.slice(0, 8) + uuid.slice(-8);
  }
  return digits.slice(0, 2 * bytes);
}
