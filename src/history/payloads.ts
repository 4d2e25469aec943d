import type { IncomingMessage } from 'node:http';
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../runtime/clock.ts';
import { Budget, type Rate } from './admission.ts';

/** So much of a body is kept, bytes. */
export const maxPayloadBytes = 64 * 1024;

/** A body that came in. */
export interface KeptPayload {
  readonly requestId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly remote: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** How long the body was. */
  readonly bytes: number;
  /** Its beginning; secrets are taken out. */
  readonly body: string;
}

/** The memory of one payload, to be written over by a later one. */
interface Place {
  bytes: Buffer;
  at: number;
  headBytes: number;
  bodyBytes: number;
  /** How long the body was. */
  fullBytes: number;
}

/** The most bodies that are copied: at 100 a second that cost a twentieth of what it costs to take alerts in as fast as possible. */
const bodyRate: Rate = { atOnce: 100, perSecond: 10 };

/** A place grows by so much, bytes. */
const placeStep = 16 * 1024;

/** Stands between the parts of a head; neither a header nor a path can hold it. */
const separator = '\0';

/**
 * The last bodies, whatever became of them. In memory alone: they are as they came until somebody asks. They are copied into memory that
 * is used again: what outlives its request has to be found by the garbage collector, which costs many times as much.
 */
export class Payloads {
  readonly #clock: Clock;
  /** A plain number: in a storm this is counted for most requests. */
  #passedOver = 0;
  /** The newest at the end. */
  readonly #places: Place[] = [];
  readonly #capacity: () => number;
  readonly #budget: Budget;

  /** @param capacity `history.payloads`; called each time, because a reload may change it */
  constructor(clock: Clock, capacity: () => number, registry: Registry) {
    const passedOver = (): number => this.#passedOver;
    new Counter({
      registers: [registry],
      name: 'tocsin_history_payloads_passed_over_total',
      help: 'Bodies that came faster than 10 a second, and are not kept.',
      collect() {
        this.reset();
        this.inc(passedOver());
      },
    });
    this.#clock = clock;
    this.#budget = new Budget(clock, bodyRate);
    this.#capacity = capacity;
  }

  /** Call it when the configuration has changed: a body over the capacity does not wait for the next one to go. */
  reconfigure(): void {
    this.#forget(this.#capacity());
  }

  keep({ method = '', url = '', rawHeaders }: IncomingMessage, requestId: string, remote: string, body: Buffer): void {
    if (this.#capacity() === 0) return;
    if (!this.#budget.take()) return void this.#passedOver++;
    const head = [requestId, remote, method, url, ...rawHeaders].join(separator);
    const bodyBytes = Math.min(body.length, maxPayloadBytes);
    const place = this.#placeFor(head.length + bodyBytes);
    place.at = this.#clock.now();
    // Node gives a head as one byte a character.
    place.headBytes = place.bytes.write(head, 'latin1');
    place.bodyBytes = body.copy(place.bytes, place.headBytes, 0, bodyBytes);
    place.fullBytes = body.length;
  }

  /** The newest first. */
  list(): readonly KeptPayload[] {
    return this.#places.toReversed().map(shown);
  }

  /** The newest with this id: a sender may give one twice. */
  find(requestId: string): KeptPayload | undefined {
    const found = this.#places.findLast((place) => headOf(place)[0] === requestId);
    return found === undefined ? undefined : shown(found);
  }

  #placeFor(bytes: number): Place {
    const reused = this.#forget(this.#capacity() - 1);
    const place = reused ?? { bytes: Buffer.alloc(0), at: 0, headBytes: 0, bodyBytes: 0, fullBytes: 0 };
    this.#places.push(place);
    if (place.bytes.length < bytes) place.bytes = Buffer.allocUnsafeSlow(Math.ceil(bytes / placeStep) * placeStep);
    return place;
  }

  /** Forgets the oldest, so that at most this many are left. Returns one of the places. */
  #forget(most: number): Place | undefined {
    return this.#places.splice(0, this.#places.length - most).at(-1);
  }
}

function headOf({ bytes, headBytes }: Place): readonly string[] {
  return bytes.toString('latin1', 0, headBytes).split(separator);
}

const redacted = '[redacted]';

/** Headers that say who somebody is, or whose names look like it. */
const secretHeader =
  /cookie|auth|token|secret|passw|passphrase|api-?key|private-?key|credential|session|csrf|xsrf|jwt|assertion|signature|cert|saml/i;

/** A name behind which a secret stands, with the rest of the name. */
const secretName =
  'pass(?:word|wd|phrase)|pwd|secret|token|(?:api|access|private)[_-]?key|authorization|credential|signature|(?<=[?&])(?:key|sig)';

/** A value in quotes, which another text may have escaped, or a bare word. A body that was cut ends inside its value. */
const secretValue = String.raw`"(?:[^"\\]|\\.)*"?|\\+"(?:[^"\\]|\\+[^"\\])*|'[^'"]*'?|(?!(?:null|true|false)\b)[^\s"'&,;<>\\{}[\]()]+`;

/**
 * What looks like a token or a password in a text. A sender chooses the text, so the time of each has to grow with its length alone:
 * what a pattern may read in vain is bounded. Otherwise 64 KiB of "eyJeyJeyJ…" stop the alerts for seconds.
 */
const secrets: readonly (readonly [RegExp, string | ((...groups: string[]) => string)])[] = [
  // A JSON object in base64, such as a JSON web token.
  [/eyJ[\w-]{8,}(?:\.[\w-]*)*/g, redacted],
  [/\b(Bearer|Basic)\s{1,20}[\w+/=.~-]{4,}/gi, `$1 ${redacted}`],
  [/:\/\/[^\s/@"']+@/g, `://${redacted}@`],
  [/(hooks\.slack\.com\/services|\/api\/webhooks)\/[^\s"'\\]+/gi, `$1/${redacted}`],
  [/(?:gh[pousr]_|github_pat_|glpat-|xox[a-z]-|hvs\.)[\w-]{16,}|A(?:KIA|SIA)[A-Z\d]{16}|AIza[\w-]{30,}/g, redacted],
  [/(-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]*/g, `$1${redacted}`],
  [
    new RegExp(String.raw`((?:${secretName})[\w.-]{0,40}\\{0,3}["']?\s{0,20}[:=]\s{0,20})(${secretValue})`, 'gis'),
    (_, name = '', value = '') => {
      const [quote = ''] = /^\\*["']/.exec(value) ?? [];
      // A number in JSON becomes a text, so that the body can still be read.
      const [, added = ''] = (quote === '' && /(\\*["'])\s*:\s*$/.exec(name)) || [];
      return `${name}${quote}${added}${redacted}${added}${quote.startsWith('\\') ? '' : quote}`;
    },
  ],
];

/** A text without what looks like a secret. */
export function withoutSecrets(text: string): string {
  return secrets.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement as string), text);
}

function shown(place: Place): KeptPayload {
  const [requestId = '', remote = '', method = '', path = '', ...raw] = headOf(place);
  const { bytes, headBytes, bodyBytes, at, fullBytes } = place;
  const headers: Record<string, string> = {};
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name, value] = [raw[index]!.toLowerCase(), raw[index + 1]!];
    const text = secretHeader.test(name) ? redacted : withoutSecrets(value);
    headers[name] = Object.hasOwn(headers, name) ? `${headers[name]}, ${text}` : text;
  }
  const body = withoutSecrets(bytes.toString('utf8', headBytes, headBytes + bodyBytes));
  return { requestId, remote, method, path: withoutSecrets(path), at, headers, bytes: fullBytes, body };
}
