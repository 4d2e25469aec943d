import type { IncomingMessage, ServerResponse } from 'node:http';

/** Whoever sends `Expect: 100-continue` keeps the body back until he is let in. */
export function askForBody({ headers, httpVersion }: IncomingMessage, response: ServerResponse): void {
  // HTTP/1.0 has no such answer, and Node has refused every other expectation.
  if (headers.expect !== undefined && httpVersion !== '1.0') response.writeContinue();
}
