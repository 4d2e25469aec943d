import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../runtime/clock.ts';
import { answerText } from '../request/answer.ts';

/** Of a request that is refused at the door, so much of the body is read and dropped to keep the connection, bytes. */
const drainedBodyBytes = 256 * 1024;

/** How long the sender of a long body has for noticing that nobody reads it, milliseconds. */
const lingerMs = 1000;

/**
 * Answers a request whose body nobody wants. A short body is dropped as it comes, and the connection goes on; of a long one,
 * one of unknown length, or one that waits for `100 Continue` and may never come, only what comes within a second, then the
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
  // Not ended yet: that would reset the connection before the other side has read why.
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
