import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import { answerText } from '../request/answer.ts';

/** The part of a refused body that is read and dropped to keep the connection, bytes. */
const drainedBodyBytes = 256 * 1024;

/** The time that the sender of a long body has to notice that nobody reads it, milliseconds. */
const lingerMs = 1000;

/**
 * Answers a request whose body nobody needs. A short body is dropped as it arrives, and the connection goes on. If the body is
 * long, has an unknown length, or waits for `100 Continue` and may never come, it is dropped for a second, and then the
 * connection is ended.
 */
export function turnAway(
  clock: Clock,
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  request.resume();
  if (bodyBytes(request) <= drainedBodyBytes) return answerText(response, status, text);
  // Not ended yet: that would reset the connection before the client has read the reason.
  response.writeHead(status, {
    Connection: 'close',
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': Buffer.byteLength(text),
    'X-Content-Type-Options': 'nosniff',
  });
  response.write(text);
  const cancelTimer = clock.setTimeout(() => response.end(), lingerMs);
  request.once('end', () => response.end());
  response.once('close', cancelTimer);
}

function bodyBytes({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined || headers.expect !== undefined) return Number.POSITIVE_INFINITY;
  return Number(headers['content-length'] ?? 0);
}
