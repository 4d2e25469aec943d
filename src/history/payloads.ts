import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../runtime/clock.ts';

/** The part of a body that is kept, bytes. */
export const maxPayloadBytes = 64 * 1024;

/** A received body. */
export interface KeptPayload {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly remote: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The length of the whole body. */
  readonly bytes: number;
  /** Its beginning, without secrets. */
  readonly body: string;
}

interface Held {
  readonly requestId: string;
  readonly at: number;
  readonly remote: string;
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  readonly body: Buffer;
}

/** The last bodies, whatever their results. They are only in memory, and unchanged until somebody asks for them. */
export class Payloads {
  readonly #clock: Clock;
  readonly #held: Held[] = [];
  #capacity: number;
  /** The place of the next one, once all places are taken. */
  #next = 0;

  /** @param capacity `history.payloads` */
  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  set capacity(capacity: number) {
    if (capacity === this.#capacity) return;
    const newest = this.#inOrder().slice(0, capacity).toReversed();
    this.#capacity = capacity;
    this.#held.splice(0, this.#held.length, ...newest);
    this.#next = newest.length === capacity ? 0 : newest.length;
  }

  /** The caller may overwrite a large buffer once it is released, so the beginning of a large body is copied. */
  keep({ method = '', url = '', headers }: IncomingMessage, requestId: string, remote: string, bytes: Buffer): void {
    if (this.#capacity === 0) return;
    const body = bytes.length > maxPayloadBytes ? Buffer.from(bytes.subarray(0, maxPayloadBytes)) : bytes;
    const at = this.#clock.now();
    this.#held[this.#next] = { requestId, at, remote, method, path: url, headers, bytes: bytes.length, body };
    this.#next = (this.#next + 1) % this.#capacity;
  }

  /** The payloads, the newest first. */
  list(): readonly KeptPayload[] {
    return this.#inOrder().map(shown);
  }

  /** The newest payload with this id: a sender may use an id twice. */
  find(requestId: string): KeptPayload | undefined {
    const held = this.#inOrder().find((each) => each.requestId === requestId);
    return held === undefined ? undefined : shown(held);
  }

  #inOrder(): readonly Held[] {
    const isFull = this.#held.length === this.#capacity;
    const oldestFirst = isFull ? [...this.#held.slice(this.#next), ...this.#held.slice(0, this.#next)] : this.#held;
    return oldestFirst.toReversed();
  }
}

const redacted = '[redacted]';

/** Headers that identify a person, or whose names suggest that. */
const secretHeader =
  /^(?:(?:proxy-)?authorization|(?:set-)?cookie)$|token|secret|password|api-?key|credential|session/i;

/** Texts that look like a token or a password: a JSON web token, `Bearer …`, the user of a URL, the value of such a name. */
const secrets: readonly (readonly [RegExp, string])[] = [
  [/eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, redacted],
  [/\b(Bearer|Basic)\s+[\w+/=.~-]{8,}/gi, `$1 ${redacted}`],
  [/(\b[a-z][a-z\d+.-]*:\/\/)[^\s/@"']+@/gi, `$1${redacted}@`],
  [
    /("[^"]*(?:password|passwd|secret|token|api_?key|authorization)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
    `$1"${redacted}"`,
  ],
  [/([?&](?:password|passwd|secret|token|access_token|api_?key|key|sig|signature)=)[^&\s"']+/gi, `$1${redacted}`],
];

/** The text without anything that looks like a secret. */
export function withoutSecrets(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text);
}

function shown({ headers, body, path, ...held }: Held): KeptPayload {
  const pairs = Object.entries(headers).map(([name, value]) => {
    const text = Array.isArray(value) ? value.join(', ') : (value ?? '');
    return [name, secretHeader.test(name) ? redacted : withoutSecrets(text)] as const;
  });
  return {
    ...held,
    path: withoutSecrets(path),
    headers: Object.fromEntries(pairs),
    body: withoutSecrets(body.toString('utf8')),
  };
}
