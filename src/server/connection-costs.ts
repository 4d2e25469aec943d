import type { IncomingMessage } from 'node:http';

const KiB = 1024;

/*
 * What a connection takes of resident memory, bytes. Measured on Node 24.21 (Linux, glibc) with 2,000 to 12,000 real connections of each
 * kind, TLS with 1,000: resident memory after a collection, less what it was before, by connection; rounded up. A third of it or less
 * is V8's heap, but for headers, which are in it by half.
 */

/** Open, plain, idle: 10.7 KiB (2.5 of them heap), 12.8 when it has been used. */
export const connectionCost = 13 * KiB;

/** TLS besides: 21 KiB before the handshake, 65 after it. */
export const tlsCost = 66 * KiB;

/** A request and its answer, without headers: 2.5 KiB. */
export const requestCost = 3 * KiB;

/** A header without its characters: two strings and their places: 117 to 133 bytes. */
export const headerCost = 136;

/** A character of a head: one in the parser, one in the texts of the headers. */
export const headByteCost = 2;

/** A piece of a body without its bytes; many pieces may come in one packet. */
export const bodyPieceCost = 512;

/** No header is shorter, on the wire: `a:b` and the end of the line. */
const shortestHeader = 5;

/** A head that has come in whole. */
export function headCost({ rawHeaders, url = '' }: IncomingMessage): number {
  let characters = url.length;
  for (const text of rawHeaders) characters += text.length;
  return requestCost + headByteCost * characters + (headerCost * rawHeaders.length) / 2;
}

/** At most, of a head of which so many bytes have come in. */
export function unfinishedHeadCost(bytes: number, { maxHeaders, maxHeaderBytes }: HeadLimits): number {
  const head = Math.min(bytes, maxHeaderBytes);
  return headByteCost * head + headerCost * Math.min(maxHeaders, Math.ceil(head / shortestHeader));
}

/** `receiver.max_headers` and `receiver.max_header_size`. */
export interface HeadLimits {
  readonly maxHeaders: number;
  readonly maxHeaderBytes: number;
}
