import { compileRegexp, MatcherError } from '../matcher/anchored-regexp.ts';
import { quote } from '../text/go/quote.ts';
import { Matcher } from '../matcher/matcher.ts';
import { silenceState, type PostableMatcher, type PostableSilence, type Silence } from './silence.ts';
import { matcherMemory, silenceSize } from './silence-size.ts';
import type { Sliced } from '../runtime/slices.ts';

/** The configuration key, or the name, of a limit that a silence can run into. */
export type SilenceLimit = 'max_silences' | 'max_silence_size' | 'silences_memory';

/** go-openapi's codes, as clients see them in a 422: wrong format, required, too few items. */
type SchemaCode = 601 | 602 | 612;

/** A silence that is refused: nothing of it is stored. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError';
  /** 400: not what the schema's types or the rules allow. 404: there is no such silence. 422: not what the schema asks for. */
  readonly status: 400 | 404 | 422;
  /** The `code` of a refusal before the handler; undefined if the handler itself refuses, which answers with a plain text. */
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

  /** An id in a path that is no UUID. */
  static notUuid(found: string): SilenceError {
    return new SilenceError(422, 601, `silenceID in path must be of type uuid: ${JSON.stringify(found)}`);
  }

  /** A silence that breaks a rule. */
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

/** A silence could not be stored, and so nothing has changed. The message is for the client: it says why. */
export class NotStoredError extends Error {
  override readonly name = 'NotStoredError';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** The silences as they are before a change. */
export interface KnownSilences {
  /** How many have not ended. Those that have make room for others. */
  readonly liveCount: number;
  get(id: string): Silence | undefined;
}

export interface SilenceLimits {
  /** `receiver.max_silences`: how many that have not ended there may be. */
  readonly maxSilences: number;
  /** `receiver.max_silence_size` */
  readonly maxBytes: number;
  /** `receiver.silence_retention`, milliseconds. */
  readonly retentionMs: number;
  /** What all silences may take, by estimate: of one that takes more by itself no more is compiled. */
  readonly maxMemoryBytes: number;
}

/** A posted silence that keeps every rule which does not depend on what is stored. */
export interface ValidSilence extends Omit<PostableSilence, 'matchers'> {
  readonly matchers: readonly Matcher[];
}

/** What a request changes: all of it, or nothing. */
export interface SilenceChange {
  /** Of the silence that was asked for. */
  readonly id: string;
  /** The new versions, those that end first. Empty if all is as it should be. */
  readonly silences: readonly Silence[];
}

/**
 * The checks of Alertmanager 0.34 that come before it looks into its store, in its order (postSilencesHandler of
 * api/v2/api.go, then validateSilence of silence/silence.go); but the size is looked at before the expressions are, so that
 * a huge one is never compiled. A step for each matcher: an expression takes milliseconds to compile. Throws SilenceError.
 */
export function* validSilence(posted: PostableSilence, now: number, limits: SilenceLimits): Sliced<ValidSilence> {
  const { startsAt, endsAt } = posted;
  if ((startsAt ?? zeroTimeMs) >= endsAt)
    throw SilenceError.invalid('Failed to create silence: start time must be before end time');
  if (endsAt < now) throw SilenceError.invalid("Failed to create silence: end time can't be in the past");
  const bytes = silenceSize({ ...posted, startsAt: startsAt ?? now, updatedAt: now }, endsAt + limits.retentionMs);
  if (bytes > limits.maxBytes) throw SilenceError.tooLarge(bytes, limits.maxBytes);
  const matchers: Matcher[] = [];
  let memory = 0;
  for (const [index, matcher] of posted.matchers.entries()) {
    if (checkWritten(matcher, index)) yield;
    matchers.push(validMatcher(matcher, index));
    memory += matcherMemory(matcher);
    if (memory > limits.maxMemoryBytes) throw SilenceError.noMemory(limits.maxMemoryBytes);
    yield;
  }
  if (matchers.every(matchesEmpty))
    throw SilenceError.invalid('invalid silence: matcher set 0: at least one matcher must not match the empty string');
  return { ...posted, matchers };
}

/** What a POST does: changes the silence that it names, or expires that and makes a new one, or makes a new one. */
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
  // Expired, it leaves a history of what was silenced.
  const expired = previous === undefined ? [] : expireSilence(known, previous.id, now).silences;
  return { id, silences: [...expired, created] };
}

/** What a DELETE does: the silence ends now; one that was still to start never does. */
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

/** True if the change does not touch what has already been silenced. */
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
 * An expression has to be one as it was written, not only inside of `^(?:…)$`: there `a)(b` is balanced, and means something else.
 * Only a parenthesis can make that difference: false if there is none, and nothing was compiled.
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

/** Alertmanager names what is wrong with an expression alone; inside of `^(?:…)$` the same fault reads otherwise. */
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
