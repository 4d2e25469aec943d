import { compileRegexp, MatcherError } from '../matcher/anchored-regexp.ts';
import { quote } from '../text/go/quote.ts';
import { Matcher } from '../matcher/matcher.ts';
import { silenceState, type PostableMatcher, type PostableSilence, type Silence } from './silence.ts';
import { matcherMemory, silenceSize } from './silence-size.ts';
import type { Sliced } from '../runtime/slices.ts';

/** The configuration key, or the name, of a limit that a silence can reach. */
export type SilenceLimit = 'max_silences' | 'max_silence_size' | 'silences_memory';

/** go-openapi's codes in a 422: wrong format, required, too few items. */
type SchemaCode = 601 | 602 | 612;

/** A silence is refused: none of it is stored. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  /**
   * 400: the schema's types or the rules do not allow it. 404: there is no such silence. 422: the schema requires something else.
   */
  readonly status: 400 | 404 | 422;
  /** The `code` of a refusal before the handler; undefined if the handler refuses, which answers with plain text. */
  readonly code: 400 | SchemaCode | undefined;
  readonly limit: SilenceLimit | undefined;

  private constructor(
    status: 400 | 404 | 422,
    code: 400 | SchemaCode | undefined,
    message: string,
    limit?: SilenceLimit,
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.limit = limit;
  }

  /** The body cannot be read as a silence; `reason` says where and why. */
  static unreadable(reason: string): SilenceError {
    return new SilenceError(400, 400, `parsing silence body from "" failed, because ${reason}`);
  }

  /** A required field is missing. @param path such as `matchers.0.name`; default: the body itself */
  static required(path = 'silence'): SilenceError {
    return new SilenceError(422, 602, `${path} in body is required`);
  }

  static noMatchers(): SilenceError {
    return new SilenceError(422, 612, 'matchers in body should have at least 1 items');
  }

  /** An id in a path is not a UUID. */
  static notUuid(found: string): SilenceError {
    return new SilenceError(422, 601, `silenceID in path must be of type uuid: ${JSON.stringify(found)}`);
  }

  /** A silence breaks a rule. */
  static invalid(message: string): SilenceError {
    return new SilenceError(400, undefined, message);
  }

  static notFound(): SilenceError {
    return new SilenceError(404, undefined, 'silence not found');
  }

  static tooMany(stored: number, limit: number): SilenceError {
    const message = `exceeded maximum number of silences: ${stored} (limit: ${limit})`;
    return new SilenceError(400, undefined, message, 'max_silences');
  }

  static noMemory(limit: number): SilenceError {
    const message = `all silences together would take too much memory (limit: ${limit} bytes): expire some, or simplify their regular expressions`;
    return new SilenceError(400, undefined, message, 'silences_memory');
  }

  static tooLarge(bytes: number, limit: number): SilenceError {
    const message = `silence exceeded maximum size: ${bytes} bytes (limit: ${limit} bytes)`;
    return new SilenceError(400, undefined, message, 'max_silence_size');
  }
}

/** A silence could not be stored, so nothing has changed. The message tells the client why. */
export class NotStoredError extends Error {
  override readonly name = 'NotStoredError';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The silences before a change. */
export interface KnownSilences {
  /** The number of silences that have not ended. Those that have ended make room for others. */
  readonly liveCount: number;
  get(id: string): Silence | undefined;
}

export interface SilenceLimits {
  /** `receiver.max_silences`: the most silences that have not ended. */
  readonly maxSilences: number;
  /** `receiver.max_silence_size` */
  readonly maxBytes: number;
  /** `receiver.silence_retention`, milliseconds. */
  readonly retentionMs: number;
  /** The estimated memory that all silences may take. Of a silence that exceeds it alone, compilation stops at that point. */
  readonly maxMemoryBytes: number;
}

/** A posted silence that satisfies every rule that does not depend on the stored silences. */
export interface ValidSilence extends Omit<PostableSilence, 'matchers'> {
  readonly matchers: readonly Matcher[];
}

/** The changes of one request: all of them are made, or none. */
export interface SilenceChange {
  /** The id of the silence that the client asked for. */
  readonly id: string;
  /** The new versions, ended silences first. Empty if nothing has to change. */
  readonly silences: readonly Silence[];
}

/**
 * The checks that Alertmanager 0.34 makes before it looks into its store, in its order (postSilencesHandler of api/v2/api.go,
 * then validateSilence of silence/silence.go). The one difference is that the size is checked before the expressions, so that a
 * huge expression is never compiled. It yields after each matcher, because compiling an expression takes milliseconds. Throws
 * SilenceError.
 */
export function* validSilence(posted: PostableSilence, now: number, limits: SilenceLimits): Sliced<ValidSilence> {
  const { startsAt, endsAt } = posted;
  if ((startsAt ?? zeroTimeMs) >= endsAt)
    throw SilenceError.invalid('Failed to create silence: start time must be before end time');
  if (endsAt < now) throw SilenceError.invalid("Failed to create silence: end time can't be in the past");
  const measured = { ...posted, startsAt: startsAt ?? now, updatedAt: now };
  return { ...posted, matchers: yield* validMatchers(measured, limits) };
}

/** The part of the checks that holds for every silence, wherever it comes from: its size and its matchers. */
export function* validMatchers(
  silence: Omit<PostableSilence, 'id' | 'startsAt'> & Pick<Silence, 'startsAt' | 'updatedAt'>,
  limits: SilenceLimits,
): Sliced<readonly Matcher[]> {
  const bytes = silenceSize(silence, silence.endsAt + limits.retentionMs);
  if (bytes > limits.maxBytes) throw SilenceError.tooLarge(bytes, limits.maxBytes);
  const matchers: Matcher[] = [];
  let memory = 0;
  for (const [index, matcher] of silence.matchers.entries()) {
    if (checkWritten(matcher, index)) yield;
    matchers.push(validMatcher(matcher, index));
    memory += matcherMemory(matcher);
    if (memory > limits.maxMemoryBytes) throw SilenceError.noMemory(limits.maxMemoryBytes);
    yield;
  }
  if (matchers.every(matchesEmpty))
    throw SilenceError.invalid('invalid silence: matcher set 0: at least one matcher must not match the empty string');
  return matchers;
}

/** The effect of a POST: it changes the silence that it names, or expires that and makes a new one, or makes a new one. */
export function setSilence(
  known: KnownSilences,
  posted: ValidSilence,
  now: number,
  limits: SilenceLimits,
  newId: () => string,
): SilenceChange {
  const previous = known.get(posted.id);
  if (posted.id !== '' && previous === undefined) throw SilenceError.notFound();
  const silence: Silence = { ...posted, startsAt: posted.startsAt ?? now, updatedAt: now };
  if (previous !== undefined && canUpdate(previous, silence, now)) return { id: silence.id, silences: [silence] };
  const isReplaced = previous !== undefined && silenceState(previous, now) !== 'expired';
  if (known.liveCount - Number(isReplaced) >= limits.maxSilences)
    throw SilenceError.tooMany(known.liveCount, limits.maxSilences);
  const id = newId();
  const created = { ...silence, id, startsAt: Math.max(silence.startsAt, now) };
  // The expired silence stays as the history of what was silenced.
  const expired = previous === undefined ? [] : expireSilence(known, previous.id, now).silences;
  return { id, silences: [...expired, created] };
}

/** The effect of a DELETE: the silence ends now; if it has not started, it never does. */
export function expireSilence(known: Pick<KnownSilences, 'get'>, id: string, now: number): SilenceChange {
  const silence = known.get(id);
  if (silence === undefined) throw SilenceError.notFound();
  const state = silenceState(silence, now);
  if (state === 'expired') return { id, silences: [] };
  const startsAt = state === 'pending' ? now : silence.startsAt;
  return { id, silences: [{ ...silence, startsAt, endsAt: now, updatedAt: now }] };
}

/** 0001-01-01T00:00:00Z, the zero time of Go. */
const zeroTimeMs = -62_135_596_800_000;

/** True if the change does not affect what has been silenced already. */
function canUpdate(from: Silence, to: Silence, now: number): boolean {
  if (!sameMatchers(from.matchers, to.matchers)) return false;
  switch (silenceState(from, now)) {
    case 'active':
      return Math.floor(from.startsAt / 1000) === Math.floor(to.startsAt / 1000) && to.endsAt >= now;
    case 'pending':
      return to.startsAt >= now;
    case 'expired':
      return false;
  }
}

function sameMatchers(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  return a.length === b.length && a.every((matcher, index) => isSame(matcher, b[index]!));
}

function isSame(a: Matcher, b: Matcher): boolean {
  return a.name === b.name && a.type === b.type && a.value === b.value;
}

/**
 * Checks that an expression compiles as it was written, not only inside `^(?:…)$`: there `a)(b` is balanced and means something
 * else. Only a parenthesis can make that difference; without one, nothing is compiled and the result is false.
 */
function checkWritten({ name, value, type }: PostableMatcher, index: number): boolean {
  if (name === '') throw SilenceError.invalid(`${placeOf(index)}: invalid label name ""`);
  const isCompiled = (type === '=~' || type === '!~') && value.includes(')');
  if (isCompiled) refuseUncompiled(value, index, compileRegexp);
  return isCompiled;
}

function validMatcher({ name, value, type }: PostableMatcher, index: number): Matcher {
  return refuseUncompiled(value, index, () => new Matcher(name, value, type));
}

function refuseUncompiled<Result>(value: string, index: number, compile: (expression: string) => Result): Result {
  try {
    return compile(value);
  } catch (error) {
    if (!(error instanceof MatcherError)) throw error;
    const problem = ownProblem(value) ?? error.message;
    throw SilenceError.invalid(`${placeOf(index)}: invalid regular expression ${quote(value)}: ${problem}`);
  }
}

function placeOf(index: number): string {
  return `invalid silence: invalid label matcher ${index} in set 0`;
}

/** Alertmanager reports the fault of the expression itself; inside `^(?:…)$` the same fault has another text. */
function ownProblem(expression: string): string | undefined {
  try {
    compileRegexp(expression);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function matchesEmpty(matcher: Matcher): boolean {
  return (matcher.type === '=' || matcher.type === '=~') && matcher.matchesValue('');
}
