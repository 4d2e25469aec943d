import type { Random } from './random.ts';

/** What one connection sends. */
export interface HostileRequest {
  readonly name: string;
  /** The bytes to send, and pauses between them in milliseconds. */
  readonly chunks: readonly (Buffer | string | number)[];
  /** How many requests this counts as. */
  readonly requests: number;
  /** What happens after everything is sent: wait for the answers, half-close the stream first, or reset the connection. */
  readonly end: 'wait' | 'half-close' | 'reset';
  /** More answers than these mean that bytes of a body were taken for a request. */
  readonly maxAnswers: number;
  /** True if each request must be answered, and the server must end the connection by itself. */
  readonly answered: boolean;
}

/** One kind of attack, whose content is random. */
export interface Attack {
  readonly name: string;
  /** How often it is chosen, relative to the others. */
  readonly weight: number;
  make(random: Random): Partial<HostileRequest> & Pick<HostileRequest, 'chunks'>;
}

export function hostileRequest({ name, make }: Attack, random: Random): HostileRequest {
  return { name, requests: 1, end: 'wait', maxAnswers: 1, answered: false, ...make(random) };
}

/** A text that must never be in the log: each request carries it where secrets are carried. */
export const secret = 'c0ffee-torture-secret';

/** A line that must never appear as a line of its own in the log. */
export const forgedLine = '{"time":"2026-11-21T03:00:00.000Z","level":"error","event":"forged","msg":"forged"}';

/** A text that breaks out of a line if nothing escapes it. */
export const lineBreaker = `x\n${forgedLine}\r\n${forgedLine}\u2028${forgedLine}\u0085\u001b[2K"\\`;

const secretHeaders = [
  `Authorization: Bearer ${secret}`,
  `Authorization: Basic ${Buffer.from(`admin:${secret}`).toString('base64')}`,
  `Proxy-Authorization: Basic ${secret}`,
  `Cookie: session=${secret}`,
];

export interface Head {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  readonly headers?: readonly string[];
}

/** The head of a correctly framed request with a secret in it; its connection is closed unless `headers` says otherwise. */
export function head(
  random: Random,
  { method = 'POST', path = '/api/v2/alerts', version = '1.1', headers = [] }: Head,
): string {
  const lines = [`${method} ${path} HTTP/${version}`, 'Host: localhost', random.pick(secretHeaders), ...headers];
  if (random.once(4)) lines.push(`User-Agent: "} ${forgedLine}\t\u0085[31m`);
  if (random.once(8)) lines.push(`X-Request-Id: a" event=forged ${forgedLine}`);
  if (!headers.some((header) => header.startsWith('Connection:'))) lines.push('Connection: close');
  return [...lines, '', ''].join('\r\n');
}

/** A POST with the correct length. */
export function post(random: Random, path: string, body: string | Buffer, ...headers: readonly string[]): Buffer {
  const bytes = Buffer.from(body as string);
  const all = [`Content-Length: ${bytes.length}`, ...headers];
  if (!headers.some((header) => header.startsWith('Content-Type:'))) all.push('Content-Type: application/json');
  return Buffer.concat([Buffer.from(head(random, { path, headers: all }), 'latin1'), bytes]);
}

export const goodBody = '[{"labels":{"alertname":"TraceGatewayThrottling","instance":"torture"}}]';
