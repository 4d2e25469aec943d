import type { IncomingMessage } from 'node:http';

/**
 * Why a head that could be read is no proper one, as Go's server answers it: status and text. Undefined if it is. Node would answer
 * both by itself, without the headers that every answer is to have.
 */
export function headProblem({ headers, httpVersion }: IncomingMessage): readonly [number, string] | undefined {
  if (httpVersion !== '1.0' && headers.host === undefined)
    return [400, '400 Bad Request: missing required Host header\n'];
  const { expect } = headers;
  if (expect !== undefined && !/^100-continue$/i.test(expect)) return [417, '417 Expectation Failed\n'];
  return undefined;
}
